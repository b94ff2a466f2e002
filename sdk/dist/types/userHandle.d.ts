/** The user handle of the user with this UUID; `undefined` if the text is not a UUID. */
export declare function userHandle(userId: unknown): string | undefined;
