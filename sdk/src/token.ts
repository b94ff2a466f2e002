import { End } from './codes.js';
import { fail } from './failure.js';

/** Ends the ceremony if there is no status token. */
export const requireToken = (statusToken: unknown): unknown =>
  statusToken || fail(End.Token, 'statusToken is missing or not valid.');
