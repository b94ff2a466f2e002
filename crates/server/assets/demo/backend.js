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

/** The API that this tab shows: `twilio`, `nevis` or `fido`. */
const wire = document.body.dataset.wire;

/** Whether this API begins a sign-in without a name. */
export const knowsAnyone = wire !== 'fido';

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
    response = await fetch(`/demo/api/${wire}${path}`, request);
    answer = await response.json();
  } catch {
    throw new Refusal('The demo does not respond. Is it still running?', null);
  }
  watcher(answer.exchanges ?? [], why);
  if (response.ok) return answer;
  const envelope = answer.refusal ?? null;
  if (envelope?.code) throw new Refusal(`Refused with ${envelope.code}: ${envelope.message}.`, envelope);
  if (envelope) throw new Refusal(`Refused: ${envelope.message}`, envelope);
  throw new Refusal(answer.message ?? `The demo returned ${response.status}.`, null);
}

/** `begun` is what the start of the ceremony returned. */
function finishing(credential, { options, ceremony }) {
  const { challenge, userVerification, authenticatorSelection } = options.publicKey;
  const required = (userVerification ?? authenticatorSelection?.userVerification) === 'required';
  return { credential, ceremony: ceremony ?? '', issued: { challenge, required } };
}

export const session = () => call('GET', '/session');
export const startRegistration = (name) => call('POST', '/register/start', { name });
export const finishRegistration = (credential, begun) => call('POST', '/register/finish', finishing(credential, begun));
export const startSignIn = (name, why) => call('POST', '/sign-in/start', { name }, why);
export const finishSignIn = (credential, begun) => call('POST', '/sign-in/finish', finishing(credential, begun));
export const signOut = () => call('POST', '/sign-out');
export const rename = (sid, name) => call('POST', `/passkeys/${sid}`, { name });
export const remove = (sid) => call('DELETE', `/passkeys/${sid}`);
