// How a ceremony ends early.

import type { End } from './codes.js';

/** Ends a ceremony with this code. */
export class Failure {
  constructor(
    readonly end: End,
    readonly message: string,
    readonly likely?: string,
    readonly cause?: string,
  ) {}
}

/** Ends the ceremony. */
export function fail(end: End, message: string, likely?: string, cause?: string): never {
  throw new Failure(end, message, likely, cause);
}

/** Name and message of anything that was thrown. */
export function describe(error: any): string {
  try {
    return error.name ? `${error.name}: ${error.message}` : `${error}`;
  } catch {
    return 'unreadable';
  }
}
