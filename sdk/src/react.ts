// Hooks for React 18 and newer.

import { useCallback, useEffect, useRef, useState } from 'react';

import {
  abort, autofill, capabilities, reauthenticate, register, signIn, upgrade, type Answer, type Capabilities, type PasskeyError,
} from './passkeys/index.js';

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
export function usePasskeys(): Passkeys {
  const [state, set] = useState<{ busy: boolean; error: PasskeyError | undefined }>({ busy: false, error: undefined });
  const [calls] = useState(() => {
    let latest = 0;
    const quiet = <F extends (...args: any[]) => Promise<Answer | undefined>>(run: F): Quiet<F> => async (...args) => {
      const mine = (latest += 1);
      const end = (error?: PasskeyError) => {
        if (mine === latest) set({ busy: false, error });
      };
      set({ busy: true, error: undefined });
      try {
        const answer = await run(...args);
        end();
        return answer;
      } catch (error) {
        end(error as PasskeyError);
        return undefined;
      }
    };
    return {
      register: quiet(register), signIn: quiet(signIn), reauthenticate: quiet(reauthenticate), upgrade: quiet(upgrade),
    };
  });
  return { ...calls, ...state };
}

/** Offers passkeys in autofill while the component is there and `enabled`. `onSignIn` gets the answer of the back end. */
export function useAutofill(
  onSignIn: (answer: Answer) => void,
  { enabled = true, onError }: { enabled?: boolean; onError?: (error: PasskeyError) => void } = {},
): void {
  const latest = useRef({ onSignIn, onError });
  latest.current = { onSignIn, onError };
  const wait = useCallback(() => {
    let here = true;
    autofill().then(
      (answer) => {
        if (here && answer) latest.current.onSignIn(answer);
      },
      (error) => {
        if (here) latest.current.onError?.(error);
      },
    );
    return () => {
      here = false;
      abort();
    };
  }, []);
  useEffect(() => (enabled ? wait() : undefined), [enabled, wait]);
}

/** What this browser can do; `undefined` until it is known. */
export function useCapabilities(): Capabilities | undefined {
  const [known, set] = useState<Capabilities>();
  useEffect(() => {
    let here = true;
    void capabilities().then((value) => {
      if (here) set(value);
    });
    return () => {
      here = false;
    };
  }, []);
  return known;
}
