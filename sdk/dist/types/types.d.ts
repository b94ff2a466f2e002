/** Binary data: text in base64url (padded or not, classic alphabet too), or bytes. */
export type Binary = string | BufferSource;
/** A credential that the ceremony names. */
export interface CredentialDescriptor {
    type?: string;
    id: Binary;
    transports?: string[];
}
/** The options of a registration, as the server's `enrollment.credentialCreationOptions`. */
export interface CreationOptions {
    rp: {
        id?: string;
        name: string;
    };
    user: {
        id: Binary;
        name: string;
        displayName: string;
    };
    challenge: Binary;
    pubKeyCredParams: {
        type: string;
        alg: number;
    }[];
    timeout?: number;
    excludeCredentials?: CredentialDescriptor[];
    authenticatorSelection?: object;
    attestation?: string;
    extensions?: object;
    hints?: string[];
}
/** The options of an authentication, as the server's `credentialRequestOptions`. */
export interface RequestOptions {
    challenge: Binary;
    timeout?: number;
    rpId?: string;
    allowCredentials?: CredentialDescriptor[];
    userVerification?: string;
    extensions?: object;
    hints?: string[];
}
/** What both functions take. */
interface CeremonyInput {
    /** `statusToken` of the transaction, from the server. */
    statusToken: string;
    /** Public URL of the server, for this call only. */
    host?: string;
}
/** The argument of `register`. */
export interface RegisterInput extends CeremonyInput {
    credentialCreationOptions: CreationOptions;
    /** The name under which the passkey will be listed. */
    authenticatorName?: string;
}
/** What a new approval gives, for an autofill request whose transaction grew old. */
export interface FreshApproval {
    credentialRequestOptions: RequestOptions;
    statusToken: string;
}
/** The argument of `authenticate`. */
export interface AuthenticateInput extends CeremonyInput {
    credentialRequestOptions: RequestOptions;
    /** Key of the user as UUID; absent when the passkey names the user. */
    userId?: string | null;
    /** Offers passkeys in the autofill of an input field instead of a dialog. */
    autofill?: boolean;
    /** `'conditional'` says the same as `autofill: true`. */
    mediation?: 'conditional';
    /**
     * Called when an autofill request has waited for the `timeout` of its options. What it gives replaces the old
     * approval and the request goes on; nothing leaves the request as it is.
     */
    onExpired?: () => FreshApproval | null | undefined | void | Promise<FreshApproval | null | undefined | void>;
    /** Tells the password manager when the server answers that it does not know the passkey. Default: no. */
    signalUnknown?: boolean;
}
/** One of the codes of a result. */
export interface ResultCode<Code extends string> {
    statusCode: Code;
    message: string;
}
export type RegistrationError = 'error-1000' | 'error-1001' | 'error-1002' | 'error-1003' | 'error-1004' | 'error-1099';
export type AuthenticationError = 'error-0000' | 'error-0001' | 'error-0002' | 'error-0003' | 'error-0004' | 'error-0099';
/** The ceremony succeeded. */
export interface Success<Code extends string> {
    success: true;
    code: ResultCode<Code>;
    /** Transaction token: evidence for the back end, which introspects it. */
    token: string;
}
/** The ceremony did not succeed. */
export interface Refusal<Code extends string> {
    success: false;
    code: ResultCode<Code>;
    /** What happened, in detail. */
    message: string;
    /** Name of the browser's exception, when it was one. */
    cause?: string;
    /** What probably led to it, as a sentence. */
    likely?: string;
}
export type RegistrationResult = Success<'success-registration'> | Refusal<RegistrationError>;
export type AuthenticationResult = Success<'success-authentication'> | Refusal<AuthenticationError>;
export {};
