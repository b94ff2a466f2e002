import { type Stop } from './stoppable.js';
/** Takes a turn: done at once in each call, however long it prepares. */
export declare const takeTurn: () => number;
/** Ends the ceremony that waits for the browser, if there is one; its result says `AbortError`. */
export declare const abort: () => void;
/** Asks the browser. `late` is what a request without a dialog does when its time is up. */
export declare function ask(turn: number, method: 'create' | 'get', rpId: string | undefined, request: {
    publicKey: {
        timeout?: number;
    };
    mediation?: string | undefined;
}, late?: (stop: Stop) => void): Promise<PublicKeyCredential>;
