// The call to the browser: one at a time in this page, never longer than its time.

import { End } from './codes.js';
import { explain } from './explain.js';
import { describe, fail, Failure } from './failure.js';
import { exception, stoppable, type Stop } from './stoppable.js';

/** When the options name no time: what the specification recommends, 5 minutes. */
const DEFAULT_MS = 300_000;
/** How much longer than the browser we wait: some never answer, some extensions neither. */
const GRACE_MS = 5_000;

// Calls take a turn when they are made. Who reaches the browser ends what was there, unless that came later.
let turns = 0;
let reached = 0;
let stopCurrent: Stop | undefined; // Stopping what has ended does nothing.

/** Takes a turn: done at once in each call, however long it prepares. */
export const takeTurn = () => (turns += 1);

function begin(turn: number, why = 'A newer call took its place.') {
  const end = exception('AbortError', why);
  if (turn < reached) throw end;
  reached = turn;
  if (stopCurrent) stopCurrent(end);
}

/** Ends the ceremony that waits for the browser, if there is one; its result says `AbortError`. */
export const abort = (): void => begin(takeTurn(), 'abort() was called.');

/** Asks the browser. `late` is what a request without a dialog does when its time is up. */
export async function ask(
  turn: number,
  method: 'create' | 'get',
  rpId: string | undefined,
  request: { publicKey: { timeout?: number }; mediation?: string | undefined },
  late?: (stop: Stop) => void,
): Promise<PublicKeyCredential> {
  const limit = Number(request.publicKey.timeout) || DEFAULT_MS;
  const since = Date.now();
  try {
    begin(turn);
    const [answer, stop] = stoppable(
      limit + (late ? 0 : GRACE_MS),
      (signal) => navigator.credentials[method]({ ...request, signal } as object),
      late,
    );
    stopCurrent = stop;
    const credential = await answer;
    if (!credential) throw exception('UnknownError', 'The browser gave no credential.');
    return credential as PublicKeyCredential;
  } catch (error: any) {
    if (error instanceof Failure) throw error;
    const lead = method === 'create' ? 'Error while trying to create new credential.' : 'Error while trying to authenticate.';
    const name = error?.name;
    const waited = Date.now() - since < limit ? 0 : limit;
    return fail(End.Browser, `${lead} ${describe(error)}`, explain(name, method, rpId, waited), name);
  }
}
