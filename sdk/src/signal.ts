// Signals to the password manager (WebAuthn Level 3, section 5.1.10). Each promise says whether the browser accepted the
// signal, and never rejects.

import { userHandle } from './userHandle.js';

async function hint(method: string, details: object): Promise<boolean> {
  try {
    await (PublicKeyCredential as any)[method](details);
    return true;
  } catch {
    return false;
  }
}

/** A passkey of a Relying Party. */
export interface UnknownCredential {
  rpId: string;
  credentialId: string;
}

/** Reports that the server does not know this passkey (any more), so that it is not offered again. */
export const signalUnknownCredential = (details: UnknownCredential): Promise<boolean> =>
  hint('signalUnknownCredential', details);

/** Reports all passkeys of the user, so that other passkeys of this user are not offered again. `userId` is a UUID. */
export const signalAllAcceptedCredentials = (details: {
  rpId: string;
  userId: string;
  allAcceptedCredentialIds: string[];
}): Promise<boolean> =>
  hint('signalAllAcceptedCredentials', { ...details, userId: userHandle(details.userId) });
