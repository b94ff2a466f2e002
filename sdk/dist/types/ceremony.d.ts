import { type authentication, type registration } from './codes.js';
import type { AuthenticationResult, RegistrationResult } from './types.js';
type Result<Codes> = Codes extends typeof registration ? RegistrationResult : AuthenticationResult;
/** Runs the steps, which return the transaction token, and makes a result of it or of the failure. Never rejects. */
export declare function ceremony<Codes extends typeof registration | typeof authentication>(codes: Codes, steps: (turn: number) => Promise<string>): Promise<Result<Codes>>;
export {};
