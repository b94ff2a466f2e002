// Passkeys in a page, through the back end of the page.

import { route } from './backEnd.js';
import { capabilities } from './capabilities.js';
import { newest, run } from './ceremony.js';
import { PasskeyError } from './error.js';
import type { Answer } from './types.js';

export { configure, post } from './backEnd.js';
export { capabilities } from './capabilities.js';
export { abort } from './ceremony.js';
export { PasskeyError } from './error.js';
export { signal } from './signal.js';
export type * from './types.js';

/**
 * Creates a passkey: for a new account, or with `{ add: true }` another one for the account that is signed in. `body` goes to the start route.
 * Rejects with a `PasskeyError`, as all functions here.
 */
export const register = (body?: object, { add = false } = {}): Promise<Answer> =>
  run('register', route(add ? 'add' : 'register'), body);

/** Signs in. With `immediate`, the browser shows a dialog only if it has a passkey; otherwise the reason is `no_passkey`. */
export async function signIn(body?: object, { immediate = false } = {}): Promise<Answer> {
  if (immediate && !(await capabilities()).immediate) {
    throw new PasskeyError('no_passkey', 'This browser has no immediate mode.');
  }
  return run('signIn', route('signIn'), body, immediate ? 'immediate' : undefined);
}

/** The person who is signed in shows a passkey again. */
export const reauthenticate = (body?: object): Promise<Answer> => run('reauthenticate', route('reauthenticate'), body);

/**
 * Offers passkeys in the field with `autocomplete="username webauthn"`, for as long as the page is open. Resolves with the answer after a sign-in, and
 * with `undefined` if this browser has no autofill, after `abort()`, and when another call of this page succeeded. It goes on after one that failed.
 */
export async function autofill(body?: object): Promise<Answer | undefined> {
  if (!(await capabilities()).autofill) return undefined;
  for (;;) {
    try {
      return await run('autofill', route('signIn'), body, 'conditional');
    } catch (error: any) {
      if (error.reason === 'timeout') continue; // New options.
      if (error.reason !== 'replaced' && error.reason !== 'aborted') throw error;
      if (!newest || newest.mode === 'conditional' || (await newest.ended)) return undefined;
    }
  }
}

/**
 * Creates a passkey without a dialog, right after a sign-in with a password. Resolves with `undefined` if the browser does not do this or created
 * none. The start route is that of `register` with `add`, and its body has `conditional: true`.
 */
export async function upgrade(body?: object): Promise<Answer | undefined> {
  if (!(await capabilities()).upgrade) return undefined;
  try {
    return await run('upgrade', route('add'), { ...body, conditional: true }, 'conditional');
  } catch (error: any) {
    if (['cancelled', 'exists', 'timeout', 'replaced', 'aborted'].includes(error.reason)) return undefined;
    throw error;
  }
}
