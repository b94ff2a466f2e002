// src/react.ts
import { useCallback, useEffect, useRef, useState } from "react";
import {
  abort,
  autofill,
  capabilities,
  reauthenticate,
  register,
  signIn,
  upgrade
} from "./passkeys.mjs";
function usePasskeys() {
  const [state, set] = useState({ busy: false, error: void 0 });
  const [calls] = useState(() => {
    let latest = 0;
    const quiet = (run) => async (...args) => {
      const mine = latest += 1;
      const end = (error) => {
        if (mine === latest) set({ busy: false, error });
      };
      set({ busy: true, error: void 0 });
      try {
        const answer = await run(...args);
        end();
        return answer;
      } catch (error) {
        end(error);
        return void 0;
      }
    };
    return {
      register: quiet(register),
      signIn: quiet(signIn),
      reauthenticate: quiet(reauthenticate),
      upgrade: quiet(upgrade)
    };
  });
  return { ...calls, ...state };
}
function useAutofill(onSignIn, { enabled = true, onError } = {}) {
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
      }
    );
    return () => {
      here = false;
      abort();
    };
  }, []);
  useEffect(() => enabled ? wait() : void 0, [enabled, wait]);
}
function useCapabilities() {
  const [known, set] = useState();
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
export {
  useAutofill,
  useCapabilities,
  usePasskeys
};
