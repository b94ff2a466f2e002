// A page without a browser: runs the classic script of dist/ with a window that the test controls.

import { readFileSync } from 'node:fs';
import { createContext, Script } from 'node:vm';

const built = (name) => readFileSync(new URL(`../dist/${name}`, import.meta.url), 'utf8');
const script = new Script(built('fido2-client.js'), { filename: 'fido2-client.js' });

export const HOST = 'https://login.example.test';
export const UUID = '6f0e7c52-5a0b-4f0e-9f43-0a7f7b1c2d11';
export const HANDLE = Buffer.from('YE6f0e7c525a0b4f0e9f430a7f7b1c2d11').toString('base64url');

const text = (bytes) => Buffer.from(bytes).toString('base64url');
export const buffer = (...bytes) => Uint8Array.from(bytes).buffer;

/** What the server gives for a registration and for an authentication. */
export const creation = () => ({
  rp: { id: 'example.test', name: 'Example' },
  user: { id: HANDLE, name: 'ada', displayName: 'Ada K.' },
  challenge: text([1, 2, 3, 251, 255]),
  pubKeyCredParams: [{ type: 'public-key', alg: -8 }, { type: 'public-key', alg: -7 }],
  timeout: 60000,
  excludeCredentials: [],
  authenticatorSelection: { residentKey: 'preferred', requireResidentKey: false, userVerification: 'preferred' },
  attestation: 'none',
});
export const request = () => ({
  challenge: text([9, 8, 7]),
  timeout: 60000,
  rpId: 'example.test',
  allowCredentials: [{ type: 'public-key', id: text([4, 5, 6]), transports: ['internal'] }],
  userVerification: 'preferred',
});
export const registration = (more) => ({ credentialCreationOptions: creation(), statusToken: 'status', ...more });
export const authentication = (more) => ({ credentialRequestOptions: request(), statusToken: 'status', ...more });

/** What an authenticator gives. */
export const attestation = (more) => ({
  id: text([1, 1, 1]),
  rawId: buffer(1, 1, 1),
  type: 'public-key',
  authenticatorAttachment: 'platform',
  getClientExtensionResults: () => ({ credProps: { rk: true } }),
  response: { clientDataJSON: buffer(123, 125), attestationObject: buffer(160), getTransports: () => ['internal', 'hybrid'] },
  ...more,
});
export const assertion = (more, response) => ({
  id: text([4, 5, 6]),
  rawId: buffer(4, 5, 6),
  type: 'public-key',
  authenticatorAttachment: null,
  getClientExtensionResults: () => ({}),
  response: {
    clientDataJSON: buffer(123, 125), authenticatorData: buffer(0, 1), signature: buffer(48, 0), userHandle: buffer(89, 69), ...response,
  },
  ...more,
});

export const answer = (body, status = 200) => ({ ok: status < 300, status, json: async () => JSON.parse(body) });
export const accepted = () => answer('{"status":"ok","errorMessage":"","token":"transaction"}');

/** Time that passes when the test says so. */
export class Clock {
  now = 1_000_000;
  #timers = new Map();
  #last = 0;

  setTimeout = (call, delay, ...args) => {
    this.#last += 1;
    // As in browsers: a time of more than 31 bits is due at once.
    const due = this.now + (delay > 0x7fffffff ? 0 : delay);
    this.#timers.set(this.#last, { due, run: () => call(...args) });
    return this.#last;
  };
  clearTimeout = (id) => this.#timers.delete(id);

  get waiting() {
    return this.#timers.size;
  }

  async pass(milliseconds) {
    const end = this.now + milliseconds;
    for (;;) {
      await settled();
      const [next] = [...this.#timers].filter(([, { due }]) => due <= end).sort(([, a], [, b]) => a.due - b.due);
      if (!next) break;
      this.#timers.delete(next[0]);
      this.now = Math.max(this.now, next[1].due);
      next[1].run();
    }
    this.now = end;
    await settled();
  }
}

/** Everything that can go on without time has gone on. */
export const settled = () => new Promise((resolve) => setImmediate(resolve));

/** A promise that the test settles. */
export function pending() {
  let resolve, reject;
  const promise = new Promise((yes, no) => [resolve, reject] = [yes, no]);
  return { promise, resolve, reject };
}

/** Members and values, whichever window the objects are of. Members that are `undefined` count. */
export const whole = (value) =>
  Array.isArray(value) ? Array.from(value, whole)
    : value && typeof value === 'object' ? Object.fromEntries(Object.entries(value).map(([name, member]) => [name, whole(member)]))
      : value;

/**
 * Opens a page and runs the script in it. `window` replaces members of the window (undefined removes them),
 * `credential` those of `PublicKeyCredential`.
 */
export function open({ src = `${HOST}/fido2-client/fido2-client.js`, window: given = {}, credential = {}, hidden = false } = {}) {
  const clock = new Clock();
  const calls = { create: [], get: [], fetch: [] };
  const does = {
    create: async () => attestation(),
    get: async () => assertion(),
    fetch: async () => accepted(),
  };
  const record = (name) => (...args) => {
    calls[name].push(args);
    return does[name](...args);
  };
  class PublicKeyCredential {}
  class HTMLScriptElement {}
  Object.assign(PublicKeyCredential, { isConditionalMediationAvailable: async () => true }, credential);
  const window = {
    ArrayBuffer, AbortController, DOMException, HTMLScriptElement, Uint8Array, atob, btoa, URL,
    Date: { now: () => clock.now },
    setTimeout: clock.setTimeout,
    clearTimeout: clock.clearTimeout,
    fetch: record('fetch'),
    document: { currentScript: src && Object.assign(new HTMLScriptElement(), { src }), hidden },
    location: { hostname: 'www.example.test', origin: 'https://www.example.test' },
    navigator: { userAgent: 'Test/1.0', credentials: { create: record('create'), get: record('get') } },
    isSecureContext: true,
    PublicKeyCredential,
    ...given,
  };
  for (const name of Object.keys(window)) if (window[name] === undefined) delete window[name];
  window.window = window.self = window;
  if (!('top' in given)) window.top = window;
  const context = createContext(window);
  script.runInContext(context);
  return { window, clock, calls, does, fido2: window.nevis.auth.fido2, body: () => JSON.parse(calls.fetch.at(-1)[1].body) };
}

let instances = 0;
/** A fresh instance of the ES module. */
export const importModule = () => import(`../dist/fido2-client.mjs?${instances += 1}`);
