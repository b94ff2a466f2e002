/** A sentence about the exception of this name, where one can be said. `waited` are the milliseconds that are over. */
export declare function explain(name: string, method: 'create' | 'get', rpId: string | undefined, waited: number): string | undefined;
