// The call to the server.

import { End } from './codes.js';
import { plain } from './plain.js';
import { describe, fail } from './failure.js';
import { signalUnknownCredential, type UnknownCredential } from './signal.js';
import { stoppable } from './stoppable.js';

/** The longest time to wait for the server. */
const LIMIT_MS = 30_000;

let base = '';

/** Sets the server for every call without a `host`. */
export function configure({ host }: { host: string }): void {
  base = host;
}

/** Posts the credential and returns the transaction token. `unknown` is the signal to send if the server does not know the passkey. */
export async function post(
  ceremony: string,
  body: object,
  host?: string | null,
  unknown?: UnknownCredential | false,
): Promise<string> {
  const url = `${(host || base).replace(/\/+$/, '')}/_app/${ceremony}/result`;
  const exchange = async (signal: AbortSignal) => {
    const answer = await fetch(url, {
      method: 'POST',
      credentials: 'omit',
      headers: { 'content-type': 'application/json;charset=utf-8', accept: 'application/json' },
      body: JSON.stringify(plain(body)),
      signal,
    });
    const reply = await answer.json().catch(() => null); // A body that is not JSON is reported below.
    return [answer, reply || {}] as const;
  };
  const [{ ok, status }, reply] = await stoppable(LIMIT_MS, exchange)[0].catch((error) =>
    fail(
      End.Server,
      describe(error),
      `${url} is down, does not allow ${location.origin}, or is not in this page's CSP.`,
      error instanceof DOMException ? error.name : undefined,
    ),
  );
  const { errorMessage, message, token } = reply;
  const said = errorMessage || message;
  // A Service can choose status 400 for refused ceremonies.
  if (!ok && !(status === 400 && reply.status === 'failed')) {
    const likely = status === 404 ? `No passkeyd answers at ${url}: is \`host\` right?` : '';
    fail(End.Server, `HTTP ${status}${said ? `: ${said}` : ''}`, likely);
  }
  if (reply.status === 'failed' || errorMessage) {
    if (unknown && reply.reason === 'credential_unknown') void signalUnknownCredential(unknown);
    fail(End.Server, said || 'The server refused the credential.');
  }
  return token || fail(End.Server, 'The token is missing or not valid.');
}
