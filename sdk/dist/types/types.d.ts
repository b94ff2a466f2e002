/** Binary data: text in base64url or base64, with or without padding, or bytes. */
export type Binary = string | BufferSource;
/** A credential that the ceremony names. */
export interface CredentialDescriptor {
    type?: string;
    id: Binary;
    transports?: string[];
}
/** The options of a registration: `enrollment.credentialCreationOptions` of the server's response. */
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
/** The options of an authentication: `credentialRequestOptions` of the server's response. */
export interface RequestOptions {
    challenge: Binary;
    timeout?: number;
    rpId?: string;
    allowCredentials?: CredentialDescriptor[];
    userVerification?: string;
    extensions?: object;
    hints?: string[];
}
/** The arguments that both functions have. */
interface CeremonyInput {
    /** `statusToken` of the transaction, from the server. */
    statusToken: string;
    /** Public URL of the server, for this call only. */
    host?: string;
}
/** The argument of `register`. */
export interface RegisterInput extends CeremonyInput {
    credentialCreationOptions: CreationOptions;
    /** The name of the passkey in lists. */
    authenticatorName?: string;
}
/** A new approval, for an autofill request whose transaction is about to expire. */
export interface FreshApproval {
    credentialRequestOptions: RequestOptions;
    statusToken: string;
}
/** The argument of `authenticate`. */
export interface AuthenticateInput extends CeremonyInput {
    credentialRequestOptions: RequestOptions;
    /** The UUID of the user; absent if any user may sign in. */
    userId?: string | null;
    /** Offers passkeys in the autofill of an input field instead of a dialog. */
    autofill?: boolean;
    /** `'conditional'` means the same as `autofill: true`. */
    mediation?: 'conditional';
    /**
     * Called when an autofill request has waited for the `timeout` of its options. What it returns replaces the old
     * approval, and the request continues. If it returns nothing, the request stays as it is.
     */
    onExpired?: () => FreshApproval | null | undefined | void | Promise<FreshApproval | null | undefined | void>;
    /** Whether to tell the password manager if the server does not know the passkey. Default: `false`. */
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
    /** The transaction token, for the back end to introspect. */
    token: string;
}
/** The ceremony did not succeed. */
export interface Refusal<Code extends string> {
    success: false;
    code: ResultCode<Code>;
    /** What happened, in detail. */
    message: string;
    /** The name of the browser's exception, if there was one. */
    cause?: string;
    /** A sentence about the probable cause. */
    likely?: string;
}
export type RegistrationResult = Success<'success-registration'> | Refusal<RegistrationError>;
export type AuthenticationResult = Success<'success-authentication'> | Refusal<AuthenticationError>;
export {};
