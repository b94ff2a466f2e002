/** What is sent of the credential, with the token of its transaction. */
export declare function credentialBody(credential: any, statusToken: string): {
    id: string;
    rawId: string;
    type: string;
    authenticatorAttachment: any;
    clientExtensionResults: any;
    response: Record<string, unknown>;
    statusToken: string;
    userAgent: string;
};
