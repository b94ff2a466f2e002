/** A sentence about the exception with this name, if there is a probable cause. `waited`: the timeout, if it is over. */
export declare function explain(name: string, method: 'create' | 'get', rpId: string | undefined, waited: number): string | undefined;
