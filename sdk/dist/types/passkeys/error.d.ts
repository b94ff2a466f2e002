import type { Reason } from './types.js';
/** What is known beside the reason. */
interface More {
    likely?: string | undefined;
    elapsed?: number;
    status?: number;
    code?: string;
    cause?: unknown;
}
/** Why a call failed. */
export declare class PasskeyError extends Error {
    /** What the page can decide by. */
    readonly reason: Reason;
    /** A sentence for developers about the probable cause. */
    readonly likely: string | undefined;
    /** Milliseconds from the question to the browser until its refusal. Below about 200, no person was asked. */
    readonly elapsed: number;
    /** The HTTP status of the back end. */
    readonly status: number | undefined;
    /** `reason` in the answer of the back end. */
    readonly code: string | undefined;
    constructor(reason: Reason, message: string, more?: More);
}
export {};
