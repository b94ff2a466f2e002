// One ceremony: options from the back end, a credential from the browser, and the answer of the back end. There is one at a time.

import { credentialBody } from '../credential.js';
import { explain } from '../explain.js';
import { exception, stoppable, type Stop } from '../stoppable.js';
import { plain } from '../plain.js';
import { post, settings } from './backEnd.js';
import { PasskeyError } from './error.js';
import { optionsIn, parse } from './options.js';
import type { Answer, Operation, PasskeyEvent, Reason } from './types.js';

/** The timeout if the options have none: the 5 minutes that the specification recommends. */
const DEFAULT_MS = 300_000;
/** How much longer than the timeout we wait: some browsers and extensions never respond. */
const GRACE_MS = 5_000;
/** No person responds as fast. */
const QUICK_MS = 200;

/** The names of the browser's exceptions, without "Error". */
const reasons: Record<string, Reason> = {
  Abort: 'aborted',
  Constraint: 'authenticator',
  InvalidState: 'exists',
  NotAllowed: 'cancelled',
  NotSupported: 'authenticator',
  Security: 'rp_id',
  Timeout: 'timeout',
};

/** How the browser is asked. */
export type Mode = 'conditional' | 'immediate' | undefined;

/** The newest ceremony. Autofill goes on after it, if it fails. */
export let newest: { mode: Mode; ended: Promise<boolean> } | undefined;

let turn = 0;
let stopCurrent: Stop | undefined; // Stopping what has ended does nothing.
let starting: Promise<unknown> = Promise.resolve();

const ended = () =>
  newest ? new PasskeyError('replaced', 'A newer call replaced it.') : new PasskeyError('aborted', 'abort() was called.');

/** Ends the ceremony that waits for the browser. */
function takeTurn() {
  stopCurrent?.(ended());
  return (turn += 1);
}

/** Ends the ceremony that waits for the browser, if there is one. Its promise rejects with the reason `aborted`; autofill ends. */
export function abort(): void {
  newest = undefined;
  takeTurn();
}

async function steps(operation: Operation, path: string, body: object | undefined, mode: Mode, check: () => void): Promise<Answer> {
  const creating = operation === 'register' || operation === 'upgrade';
  const quiet = mode === 'conditional';
  const since = () => (asked ? Date.now() - asked : 0);
  let asked = 0;
  const tell = (phase: PasskeyEvent['phase'], reason?: Reason) => {
    settings.onEvent?.({ operation, phase, ...(reason && { reason }), elapsed: since() });
  };
  try {
    if (!window.PublicKeyCredential || !navigator.credentials) {
      throw new PasskeyError('unsupported', 'PublicKeyCredential is missing.', {
        likely: isSecureContext ? undefined : 'Passkeys need HTTPS or localhost.',
      });
    }
    // The session of the back end knows the ceremony that began last: so a start ends before the next one begins.
    const started = starting.then(() => {
      check();
      return post(`${path}/start`, body);
    });
    starting = started.catch(() => 0);
    const answer = await started;
    let publicKey: any;
    try {
      publicKey = parse(optionsIn(answer), creating, !!mode);
    } catch (cause) {
      throw new PasskeyError('options', `${cause}`, {
        cause,
        likely: `${path}/start does not answer with the options of passkeyd.`,
      });
    }
    check();
    asked = Date.now();
    tell('started');
    const limit = Number(publicKey.timeout) || DEFAULT_MS;
    const renew = quiet && !creating;
    let credential: any;
    try {
      const [waiting, stop] = stoppable(
        // Autofill waits as long as the page is open, but its challenge does not.
        renew ? limit * 0.8 : limit + GRACE_MS,
        (signal) =>
          navigator.credentials[creating ? 'create' : 'get']({
            publicKey,
            // The immediate mode takes no signal.
            ...(mode === 'immediate' ? { uiMode: mode } : { signal }),
            ...(quiet && { mediation: mode }),
          } as object),
      );
      stopCurrent = stop;
      credential = await waiting;
      if (!credential) throw exception('UnknownError', 'There is no credential.');
    } catch (cause: any) {
      if (cause instanceof PasskeyError) throw cause;
      const elapsed = since();
      const late = elapsed >= limit;
      let reason = reasons[`${cause?.name}`.slice(0, -5)] || 'unknown';
      let likely = explain(
        cause?.name, creating ? 'create' : 'get', publicKey.rpId || publicKey.rp?.id, late ? limit : 0,
      );
      if (reason === 'cancelled') {
        if (late) reason = 'timeout';
        else if (elapsed < QUICK_MS) {
          if (mode === 'immediate') reason = 'no_passkey';
          else likely += ` It took ${elapsed} ms, so no person was asked: was there a click?`;
        }
      }
      throw new PasskeyError(reason, `${cause?.name}: ${cause?.message}`, { likely, elapsed, cause });
    }
    tell('returned');
    const { statusToken, userAgent, ...sent } = credentialBody(credential, '');
    const done = await post(`${path}/finish`, plain(sent));
    tell('done');
    return done;
  } catch (error: any) {
    tell('failed', error.reason || 'unknown');
    throw error;
  }
}

/** Runs a ceremony. It takes the place of the one that waits for the browser. */
export function run(operation: Operation, path: string, body?: object, mode?: Mode): Promise<Answer> {
  newest = { mode, ended: Promise.resolve(false) };
  const mine = takeTurn();
  const result = steps(operation, path, body, mode, () => {
    if (mine !== turn) throw ended();
  });
  newest.ended = result.then(() => true, () => false);
  return result;
}
