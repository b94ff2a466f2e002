/** The user handle of a user, from the key as UUID; nothing when the text is no UUID. */
export declare function userHandle(userId: unknown): string | undefined;
