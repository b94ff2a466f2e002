// Hints to the password manager (WebAuthn Level 3, section 5.1.10). Each says whether the browser took the hint and
// never rejects.

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

/** This passkey is not known to the server (any more): it need not be offered again. */
export const signalUnknownCredential = (details: UnknownCredential): Promise<boolean> =>
  hint('signalUnknownCredential', details);

/** These are all passkeys of the user, whose key `userId` is a UUID: others of this user need not be offered again. */
export const signalAllAcceptedCredentials = (details: {
  rpId: string;
  userId: string;
  allAcceptedCredentialIds: string[];
}): Promise<boolean> =>
  hint('signalAllAcceptedCredentials', { ...details, userId: userHandle(details.userId) });
