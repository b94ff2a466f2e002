// The calls to the developer's own back end.

import { PasskeyError } from './error.js';
import { send } from './signal.js';
import type { Answer, Routes, Settings } from './types.js';

export let settings: Settings = {};

const defaults: Routes = { register: 'register', add: 'passkeys', signIn: 'sign-in', reauthenticate: 'step-up' };

/** Sets what all later calls use. Members that are not given keep their values. */
export function configure(more: Settings): void {
  settings = { ...settings, ...more };
}

export const route = (name: keyof Routes): string => (settings.routes || {})[name] || defaults[name];

/** Posts JSON to a path below the back end, and passes the signals of the answer to the password manager. */
export async function post(path: string, body: object = {}): Promise<Answer> {
  const { backEnd, request } = settings;
  const url = new URL(path, backEnd ? new URL(backEnd.replace(/\/*$/, '/'), document.baseURI) : document.baseURI);
  const more = typeof request === 'function' ? request() : request;
  let response;
  try {
    response = await fetch(url, {
      ...more,
      method: 'POST',
      headers: { ...Object.fromEntries(new Headers(more?.headers)), 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });
  } catch (cause) {
    throw new PasskeyError('server', `${cause}`, {
      likely: `${url} is down, does not allow ${location.origin}, or is not in this page's CSP.`,
      cause,
    });
  }
  const answer = await response.json().catch(() => 0); // Not JSON.
  const { ok, status } = response;
  send(answer?.signals);
  if (!ok) {
    const { error, message, reason } = answer || {};
    const said = typeof error === 'string' ? error : message;
    throw new PasskeyError(status < 500 ? 'refused' : 'server', said || `HTTP ${status}`, {
      status,
      code: reason,
      likely: status === 404 && !said ? `There is no route at ${url}: is \`backEnd\` right?` : undefined,
    });
  }
  return answer || {};
}
