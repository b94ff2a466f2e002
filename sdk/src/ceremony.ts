// The frame of both ceremonies: how they start, and how their end becomes a result.

import { takeTurn } from './ask.js';
import { End, type authentication, type registration } from './codes.js';
import { describe, Failure } from './failure.js';
import { requireWebAuthn } from './support.js';
import type { AuthenticationResult, RegistrationResult } from './types.js';

type Result<Codes> = Codes extends typeof registration ? RegistrationResult : AuthenticationResult;

/** Runs the steps, which return the transaction token, and makes a result of it or of the failure. Never rejects. */
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
