import type { End } from './codes.js';
/** Ends a ceremony with this code. */
export declare class Failure {
    readonly end: End;
    readonly message: string;
    readonly likely?: string | undefined;
    readonly cause?: string | undefined;
    constructor(end: End, message: string, likely?: string | undefined, cause?: string | undefined);
}
/** Ends the ceremony. */
export declare function fail(end: End, message: string, likely?: string, cause?: string): never;
/** Name and message of anything that was thrown. */
export declare function describe(error: any): string;
