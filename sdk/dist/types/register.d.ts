import type { RegisterInput, RegistrationResult } from './types.js';
/** Creates a passkey and registers it with the server. Always resolves; the code says how it ended. */
export declare function register(input: RegisterInput): Promise<RegistrationResult>;
