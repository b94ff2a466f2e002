/** How a ceremony ended. The value is the index of its code. */
export declare const enum End {
    Success = 0,
    /** The options are missing or not valid. */
    Options = 1,
    /** The browser returned no credential. */
    Browser = 2,
    /** The server could not be reached, or refused the credential. */
    Server = 3,
    /** There is no status token. */
    Token = 4,
    /** The browser lacks WebAuthn or autofill. */
    Support = 5,
    /** Anything else. */
    Unknown = 6
}
export declare const registration: readonly [readonly ['success-registration', 'Successfully registered WebAuthn credential.'], readonly ['error-1000', 'Invalid credentialCreationOptions. ServerPublicKeyCredentialCreationOptions has to be valid.'], readonly ['error-1001', 'Failed to create WebAuthn credential.'], readonly ['error-1002', 'Error while registering the new credential on server'], readonly ['error-1003', "Missing statusToken. Cannot be null or undefined."], readonly ['error-1004', "WebAuthn is not supported by this browser."], readonly ['error-1099', 'Unknown error while registration.']];
export declare const authentication: readonly [readonly ['success-authentication', 'Successfully authenticated with WebAuthn credential.'], readonly ['error-0000', 'Invalid credentialRequestOptions. ServerPublicKeyCredentialGetOptionsResponse has to be valid.'], readonly ['error-0001', 'Failed to authenticate with WebAuthn credential.'], readonly ['error-0002', 'Error while authenticating the credential on server'], readonly ['error-0003', "Missing statusToken. Cannot be null or undefined."], readonly ['error-0004', "WebAuthn is not supported by this browser."], readonly ['error-0099', 'Unknown error while authentication.']];
