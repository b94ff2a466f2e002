/** What is sent of the credential, with the token of its transaction. */
export declare function credentialBody(credential: any, statusToken: string): {
    id: string;
    rawId: string;
    type: any;
    authenticatorAttachment: any;
    clientExtensionResults: unknown;
    response: {
        clientDataJSON: any;
        attestationObject: any;
        authenticatorData: any;
        signature: any;
        userHandle: any;
        transports: unknown;
    };
    statusToken: string;
    userAgent: string;
};
