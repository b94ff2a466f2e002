/** The options for `navigator.credentials.create()`. */
export declare const creationOptions: (options: unknown) => PublicKeyCredentialCreationOptions;
/** The options for `navigator.credentials.get()`. Autofill offers every passkey of the Relying Party. */
export declare const requestOptions: (options: unknown, autofill: boolean) => PublicKeyCredentialRequestOptions;
