// What this browser supports.

import { End } from './codes.js';
import { fail } from './failure.js';

/** Ends the ceremony if the browser has no WebAuthn. */
export function requireWebAuthn(): void {
  if (!window.PublicKeyCredential || !navigator.credentials) {
    fail(
      End.Support,
      'PublicKeyCredential is missing.',
      isSecureContext ? undefined : 'Passkeys need HTTPS or localhost.',
    );
  }
}

/** Whether passkeys can be offered in the autofill of an input field. Never rejects. */
export async function isAutofillSupported(): Promise<boolean> {
  try {
    return await PublicKeyCredential.isConditionalMediationAvailable();
  } catch {
    return false;
  }
}
