import type { AuthenticateInput, AuthenticationResult } from './types.js';
/** Uses a passkey, in a dialog or from autofill. Always resolves; the code says how it ended. */
export declare function authenticate(input: AuthenticateInput): Promise<AuthenticationResult>;
