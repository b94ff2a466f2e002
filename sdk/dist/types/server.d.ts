import { type UnknownCredential } from './signal.js';
/** Where the server is, for every call that names no `host` of its own. */
export declare function configure({ host }: {
    host: string;
}): void;
/** Posts the credential and gives the transaction token. `unknown` is the hint for a passkey that nobody knows. */
export declare function post(ceremony: string, body: object, host?: string | null, unknown?: UnknownCredential | false): Promise<string>;
