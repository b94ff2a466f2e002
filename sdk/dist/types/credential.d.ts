/** The body of the result call: the credential and the token of its transaction. */
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
