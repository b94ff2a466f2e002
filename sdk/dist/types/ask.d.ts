import { type Stop } from './stoppable.js';
/** Takes a turn. Each call does this first, however long it prepares. */
export declare const takeTurn: () => number;
/** Ends the ceremony that waits for the browser, if there is one. Its result has the cause `AbortError`. */
export declare const abort: () => void;
/** Asks the browser. `late` runs when the time of a request without a dialog is over. */
export declare function ask(turn: number, method: 'create' | 'get', rpId: string | undefined, request: {
    publicKey: {
        timeout?: number;
    };
    mediation?: string | undefined;
}, late?: (stop: Stop) => void): Promise<PublicKeyCredential>;
