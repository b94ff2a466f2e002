// A page without a browser for passkeys.mjs of dist/, and a back end whose answers the test controls.

import { readFileSync } from 'node:fs';
import { createContext, Script } from 'node:vm';

import { transformSync } from 'esbuild';

import { answer, assertion, attestation, Clock, creation, request } from './page.mjs';

const built = readFileSync(new URL('../dist/passkeys.mjs', import.meta.url), 'utf8');
const script = new Script(transformSync(built, { format: 'iife', globalName: 'sdk' }).code, { filename: 'passkeys.mjs' });

export const PAGE = 'https://www.example.test/shop/login.html';
export const ALL = { conditionalCreate: true, conditionalGet: true, immediateGet: true, hybridTransport: true };

const json = (value, status) => answer(JSON.stringify(value), status);

/** Opens a page. `credential` replaces members of `PublicKeyCredential`, `window` those of the window; undefined removes them. */
export function open({ window: given = {}, credential = {}, page = PAGE } = {}) {
  const clock = new Clock();
  const calls = { create: [], get: [], fetch: [], signals: [] };
  const routes = {
    'register/start': () => json(creation()),
    'passkeys/start': () => json(creation()),
    'sign-in/start': () => json(request()),
    'step-up/start': () => json(request()),
  };
  const does = {
    create: async () => attestation(),
    get: async () => assertion(),
    fetch: async (url) => (routes[`${url}`.split('/').slice(-2).join('/')] ?? (() => json({ done: true })))(),
  };
  const record = (name) => (...args) => {
    calls[name].push(args);
    return does[name](...args);
  };
  const signalled = (name) => async (details) => {
    calls.signals.push([name, details]);
  };
  class PublicKeyCredential {}
  Object.assign(PublicKeyCredential, {
    isConditionalMediationAvailable: async () => true,
    isUserVerifyingPlatformAuthenticatorAvailable: async () => true,
    getClientCapabilities: async () => ALL,
    signalUnknownCredential: signalled('unknown'),
    signalAllAcceptedCredentials: signalled('accepted'),
    signalCurrentUserDetails: signalled('details'),
    ...credential,
  });
  const window = {
    AbortController, DOMException, Headers, URL, Uint8Array, atob, btoa,
    Date: { now: () => clock.now },
    setTimeout: clock.setTimeout,
    clearTimeout: clock.clearTimeout,
    fetch: record('fetch'),
    document: { baseURI: page, hidden: false },
    location: new URL(page),
    navigator: { userAgent: 'Test/1.0', credentials: { create: record('create'), get: record('get') } },
    isSecureContext: true,
    PublicKeyCredential,
    ...given,
  };
  for (const name of Object.keys(window)) if (window[name] === undefined) delete window[name];
  window.window = window.self = window;
  window.top = window;
  const context = createContext(window);
  script.runInContext(context);
  // `var sdk` of the script.
  const { sdk } = context;
  const posts = () => calls.fetch.map(([url, { body }]) => [`${url}`, JSON.parse(body)]);
  return { sdk, clock, calls, does, routes, posts, json };
}

/** The `PasskeyError` that ends the promise. */
export async function failure(promise) {
  try {
    await promise;
  } catch (error) {
    return error;
  }
  throw new Error('it did not fail');
}

/** An exception of the browser. */
export const throwing = (name, message = 'Why.') => async () => {
  throw new DOMException(message, name);
};

/** A browser that asks a person until its signal ends it. */
export const asking = () => ({ signal }) =>
  new Promise((_, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason));
  });
