import { type UnknownCredential } from './signal.js';
/** Sets the server for every call without a `host`. */
export declare function configure({ host }: {
    host: string;
}): void;
/** Posts the credential and returns the transaction token. `unknown` is the signal to send if the server does not know the passkey. */
export declare function post(ceremony: string, body: object, host?: string | null, unknown?: UnknownCredential | false): Promise<string>;
