// Calls the demo's own back end. The back end calls passkeyd and returns each request with its response.

/** A refusal by the back end, or by passkeyd behind it. */
export class Refusal extends Error {
  /** @param {string} message for the user @param {object|null} envelope passkeyd's response, if passkeyd refused */
  constructor(message, envelope) {
    super(message);
    this.name = 'Refusal';
    this.envelope = envelope;
  }
}

let watcher = () => {};

/** Sets the function that gets every exchange: `watcher(exchanges, why)`, oldest first. */
export function watch(callback) {
  watcher = callback;
}

async function call(method, path, body, why = '') {
  const request = { method, headers: {} };
  if (body !== undefined) {
    request.headers['content-type'] = 'application/json';
    request.body = JSON.stringify(body);
  }
  let response;
  let answer;
  try {
    response = await fetch(`/demo/api${path}`, request);
    answer = await response.json();
  } catch {
    throw new Refusal('The demo does not respond. Is it still running?', null);
  }
  watcher(answer.exchanges ?? [], why);
  if (response.ok) return answer;
  const envelope = answer.refusal ?? null;
  if (envelope?.code) throw new Refusal(`Refused with ${envelope.code}: ${envelope.message}.`, envelope);
  throw new Refusal(answer.message ?? `The demo returned ${response.status}.`, null);
}

export const session = () => call('GET', '/session');
export const startRegistration = (name) => call('POST', '/register/start', { name });
export const finishRegistration = (credential) => call('POST', '/register/finish', { credential });
export const startSignIn = (name, why) => call('POST', '/sign-in/start', { name }, why);
export const finishSignIn = (credential) => call('POST', '/sign-in/finish', { credential });
export const signOut = () => call('POST', '/sign-out');
export const rename = (sid, name) => call('POST', `/passkeys/${sid}`, { name });
export const remove = (sid) => call('DELETE', `/passkeys/${sid}`);
