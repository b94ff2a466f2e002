// The call to the browser: one at a time in this page, and with a time limit.

import { End } from './codes.js';
import { explain } from './explain.js';
import { describe, fail, Failure } from './failure.js';
import { exception, stoppable, type Stop } from './stoppable.js';

/** The timeout if the options have none: the 5 minutes that the specification recommends. */
const DEFAULT_MS = 300_000;
/** How much longer than the timeout we wait: some browsers and extensions never respond. */
const GRACE_MS = 5_000;

// Each call takes a turn when it is made. A call that reaches the browser ends the call that waits there, unless that one is newer.
let turns = 0;
let reached = 0;
let stopCurrent: Stop | undefined; // Stopping what has ended does nothing.

/** Takes a turn. Each call does this first, however long it prepares. */
export const takeTurn = () => (turns += 1);

function begin(turn: number, why = 'A newer call replaced it.') {
  const end = exception('AbortError', why);
  if (turn < reached) throw end;
  reached = turn;
  if (stopCurrent) stopCurrent(end);
}

/** Ends the ceremony that waits for the browser, if there is one. Its result has the cause `AbortError`. */
export const abort = (): void => begin(takeTurn(), 'abort() was called.');

/** Asks the browser. `late` runs when the time of a request without a dialog is over. */
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
