// What both ceremonies have in common: how they begin and what is made of their end.

import { takeTurn } from './ask.js';
import { End, type authentication, type registration } from './codes.js';
import { describe, Failure } from './failure.js';
import { requireWebAuthn } from './support.js';
import type { AuthenticationResult, RegistrationResult } from './types.js';

type Result<Codes> = Codes extends typeof registration ? RegistrationResult : AuthenticationResult;

/** Runs the steps, which give the transaction token, and makes the result of their end. Never rejects. */
export async function ceremony<Codes extends typeof registration | typeof authentication>(
  codes: Codes,
  steps: (turn: number) => Promise<string>,
): Promise<Result<Codes>> {
  const result = (end: End, more: object) => {
    const [statusCode, message] = codes[end];
    return { success: !end, code: { statusCode, message }, ...more } as Result<Codes>;
  };
  const turn = takeTurn();
  try {
    requireWebAuthn();
    return result(End.Success, { token: await steps(turn) });
  } catch (error) {
    const { end, message, cause, likely } =
      error instanceof Failure ? error : new Failure(End.Unknown, describe(error));
    return result(end, { message, ...(cause && { cause }), ...(likely && { likely }) });
  }
}
