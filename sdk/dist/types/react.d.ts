import { reauthenticate, register, signIn, upgrade, type Answer, type Capabilities, type PasskeyError } from './passkeys/index.js';
/** A function of the SDK whose promise does not reject: `error` of the hook says why there is no answer. */
type Quiet<F extends (...args: any[]) => Promise<Answer | undefined>> = (...args: Parameters<F>) => Promise<Answer | undefined>;
/** What `usePasskeys` returns. */
export interface Passkeys {
    register: Quiet<typeof register>;
    signIn: Quiet<typeof signIn>;
    reauthenticate: Quiet<typeof reauthenticate>;
    upgrade: Quiet<typeof upgrade>;
    /** A call has not ended. */
    busy: boolean;
    /** Why the last call failed. */
    error: PasskeyError | undefined;
}
/** The calls, with their state. The functions are the same in every render. */
export declare function usePasskeys(): Passkeys;
/** Offers passkeys in autofill while the component is there and `enabled`. `onSignIn` gets the answer of the back end. */
export declare function useAutofill(onSignIn: (answer: Answer) => void, { enabled, onError }?: {
    enabled?: boolean;
    onError?: (error: PasskeyError) => void;
}): void;
/** What this browser can do; `undefined` until it is known. */
export declare function useCapabilities(): Capabilities | undefined;
export {};
