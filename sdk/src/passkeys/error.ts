import type { Reason } from './types.js';

/** What is known beside the reason. */
interface More {
  likely?: string | undefined;
  elapsed?: number;
  status?: number;
  code?: string;
  cause?: unknown;
}

/** Why a call failed. */
export class PasskeyError extends Error {
  /** What the page can decide by. */
  declare readonly reason: Reason;
  /** A sentence for developers about the probable cause. */
  declare readonly likely: string | undefined;
  /** Milliseconds from the question to the browser until its refusal. Below about 200, no person was asked. */
  declare readonly elapsed: number;
  /** The HTTP status of the back end. */
  declare readonly status: number | undefined;
  /** `reason` in the answer of the back end. */
  declare readonly code: string | undefined;

  constructor(reason: Reason, message: string, more?: More) {
    super(message);
    Object.assign(this, { name: 'PasskeyError', reason, elapsed: 0 }, more);
  }
}
