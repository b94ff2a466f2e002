/** Ends the ceremony if the browser has no WebAuthn. */
export declare function requireWebAuthn(): void;
/** Whether passkeys can be offered in the autofill of an input field. Never rejects. */
export declare function isAutofillSupported(): Promise<boolean>;
