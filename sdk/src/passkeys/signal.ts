// Signals to the password manager (WebAuthn Level 3, section 5.1.10). Browsers without them ignore them.

import type { Accepted, Signals } from './types.js';

const names = [
  ['unknown', 'signalUnknownCredential'],
  ['accepted', 'signalAllAcceptedCredentials'],
  ['details', 'signalCurrentUserDetails'],
] as const;

/** The browser has the method and accepted the details. */
async function hint(method: string, details: object): Promise<boolean> {
  try {
    await (PublicKeyCredential as any)[method](details);
    return true;
  } catch {
    return false;
  }
}

/** Sends what the answer of a back end has. */
export function send(signals?: Signals | null): void {
  for (const [name, method] of names) for (const one of [signals?.[name] || []].flat()) void hint(method, one);
}

/** Tells the password manager about the passkeys of a user. Each promise says whether the browser accepted it, and never rejects. */
export const signal = {
  /** The server does not know this passkey: do not offer it again. */
  unknown: (details: NonNullable<Signals['unknown']>): Promise<boolean> => hint(names[0][1], details),
  /** The server accepts these passkeys of the user and no others. */
  accepted: (details: Accepted): Promise<boolean> => hint(names[1][1], details),
  /** The names of the user changed. */
  details: (details: NonNullable<Signals['details']>): Promise<boolean> => hint(names[2][1], details),
};
