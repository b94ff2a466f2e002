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
export declare const register: (body?: object, { add }?: {
    add?: boolean | undefined;
}) => Promise<Answer>;
/** Signs in. With `immediate`, the browser shows a dialog only if it has a passkey; otherwise the reason is `no_passkey`. */
export declare function signIn(body?: object, { immediate }?: {
    immediate?: boolean | undefined;
}): Promise<Answer>;
/** The person who is signed in shows a passkey again. */
export declare const reauthenticate: (body?: object) => Promise<Answer>;
/**
 * Offers passkeys in the field with `autocomplete="username webauthn"`, for as long as the page is open. Resolves with the answer after a sign-in, and
 * with `undefined` if this browser has no autofill, after `abort()`, and when another call of this page succeeded. It goes on after one that failed.
 */
export declare function autofill(body?: object): Promise<Answer | undefined>;
/**
 * Creates a passkey without a dialog, right after a sign-in with a password. Resolves with `undefined` if the browser does not do this or created
 * none. The start route is that of `register` with `add`, and its body has `conditional: true`.
 */
export declare function upgrade(body?: object): Promise<Answer | undefined>;
