import type { Answer, Operation } from './types.js';
/** How the browser is asked. */
export type Mode = 'conditional' | 'immediate' | undefined;
/** The newest ceremony. Autofill goes on after it, if it fails. */
export declare let newest: {
    mode: Mode;
    ended: Promise<boolean>;
} | undefined;
/** Ends the ceremony that waits for the browser, if there is one. Its promise rejects with the reason `aborted`; autofill ends. */
export declare function abort(): void;
/** Runs a ceremony. It takes the place of the one that waits for the browser. */
export declare function run(operation: Operation, path: string, body?: object, mode?: Mode): Promise<Answer>;
