import type { Accepted, Signals } from './types.js';
/** Sends what the answer of a back end has. */
export declare function send(signals?: Signals | null): void;
/** Tells the password manager about the passkeys of a user. Each promise says whether the browser accepted it, and never rejects. */
export declare const signal: {
    /** The server does not know this passkey: do not offer it again. */
    unknown: (details: NonNullable<Signals['unknown']>) => Promise<boolean>;
    /** The server accepts these passkeys of the user and no others. */
    accepted: (details: Accepted) => Promise<boolean>;
    /** The names of the user changed. */
    details: (details: NonNullable<Signals['details']>) => Promise<boolean>;
};
