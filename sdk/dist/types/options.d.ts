/** The options for `navigator.credentials.create()`. */
export declare const creationOptions: (options: unknown) => PublicKeyCredentialCreationOptions;
/** The options for `navigator.credentials.get()`; with autofill, every passkey of the Relying Party fits. */
export declare const requestOptions: (options: unknown, autofill: boolean) => PublicKeyCredentialRequestOptions;
