/** A passkey of a Relying Party. */
export interface UnknownCredential {
    rpId: string;
    credentialId: string;
}
/** This passkey is not known to the server (any more): it need not be offered again. */
export declare const signalUnknownCredential: (details: UnknownCredential) => Promise<boolean>;
/** These are all passkeys of the user, whose key `userId` is a UUID: others of this user need not be offered again. */
export declare const signalAllAcceptedCredentials: (details: {
    rpId: string;
    userId: string;
    allAcceptedCredentialIds: string[];
}) => Promise<boolean>;
