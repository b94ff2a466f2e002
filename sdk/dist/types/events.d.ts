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
/**
 * `server` is the address of passkeyd. Default: where this file comes from, also below a path prefix. `service` is the SID of the Service of the page,
 * `VA...`: passkeyd then also counts the events of this Service by itself.
 */
export declare function reporter(server?: string, service?: string): Reporter;
