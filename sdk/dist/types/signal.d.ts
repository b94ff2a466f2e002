/** A passkey of a Relying Party. */
export interface UnknownCredential {
    rpId: string;
    credentialId: string;
}
/** Reports that the server does not know this passkey (any more), so that it is not offered again. */
export declare const signalUnknownCredential: (details: UnknownCredential) => Promise<boolean>;
/** Reports all passkeys of the user, so that other passkeys of this user are not offered again. `userId` is a UUID. */
export declare const signalAllAcceptedCredentials: (details: {
    rpId: string;
    userId: string;
    allAcceptedCredentialIds: string[];
}) => Promise<boolean>;
