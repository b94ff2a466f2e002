// Client events: what never reaches a back end goes to passkeyd, if its operator turned that on (`[client_events]`).

import type { Operation, PasskeyEvent, Reason } from './passkeys/index.js';

/** What happened: a phase of a ceremony or why it failed, and what only the page knows: passkeys were offered, or the person chose another way. */
export type ClientEvent = 'offered' | 'started' | 'returned' | 'done' | 'fallback' | Reason;

/** Sends client events to passkeyd. They name no person, no passkey and no page. */
export interface Reporter {
  /** Records a step of a ceremony: `configure({ onEvent: reporter.onEvent })`. */
  onEvent: (event: PasskeyEvent) => void;
  /** The page showed a button or a field for passkeys. */
  offered: (operation: Operation) => void;
  /** The person chose another way: a password, a code. */
  fallback: (operation: Operation) => void;
  /** Sends what waits. It is also sent after two seconds, and when the page is hidden. */
  flush: () => void;
}

const DELAY_MS = 2_000;
/** The server reads so many of one message. */
const MOST = 20;

/**
 * `server` is the address of passkeyd. Default: where this file comes from, also below a path prefix. `service` is the SID of the Service of the page,
 * `VA...`: passkeyd then also counts the events of this Service by itself.
 */
export function reporter(server: string = import.meta.url.split('/sdk/')[0]!, service?: string): Reporter {
  const url = `${server.replace(/\/+$/, '')}/_app/events`;
  let waiting: { operation: Operation; event: ClientEvent }[] = [];
  let timer: ReturnType<typeof setTimeout> | undefined;
  const flush = () => {
    clearTimeout(timer);
    timer = undefined;
    while (waiting.length > 0) {
      // No cookies, no preflight, and nobody waits for the response.
      void fetch(url, {
        method: 'POST',
        body: JSON.stringify({ service, events: waiting.splice(0, MOST) }),
        credentials: 'omit',
        keepalive: true,
        mode: 'no-cors',
        referrerPolicy: 'strict-origin',
      }).catch(() => undefined);
    }
  };
  const record = (operation: Operation, event: ClientEvent) => {
    waiting.push({ operation, event });
    timer ??= setTimeout(flush, DELAY_MS);
  };
  addEventListener('visibilitychange', () => document.hidden && flush());
  return {
    onEvent: ({ operation, phase, reason }) => record(operation, reason || (phase as ClientEvent)),
    offered: (operation) => record(operation, 'offered'),
    fallback: (operation) => record(operation, 'fallback'),
    flush,
  };
}
