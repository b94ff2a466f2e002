import { type authentication, type registration } from './codes.js';
import type { AuthenticationResult, RegistrationResult } from './types.js';
type Result<Codes> = Codes extends typeof registration ? RegistrationResult : AuthenticationResult;
/** Runs the steps, which give the transaction token, and makes the result of their end. Never rejects. */
export declare function ceremony<Codes extends typeof registration | typeof authentication>(codes: Codes, steps: (turn: number) => Promise<string>): Promise<Result<Codes>>;
export {};
