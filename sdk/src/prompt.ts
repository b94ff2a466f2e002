// Whether to ask a person for a passkey now. What passkeyd knows of the user comes through the back end. What the person said stays on this device.

import { capabilities, type Prompt } from './passkeys/index.js';

const KEY = 'passkeyd-prompt';
/** After "Not now": three weeks. */
const WAIT_MS = 21 * 86_400_000;
/** After the third "Not now" nobody is asked on this device any more. */
const MOST = 3;

/** When the person said "Not now". Without storage, nothing is remembered. */
function said(): number[] {
  try {
    return JSON.parse(localStorage.getItem(KEY) || '[]').filter(Number.isFinite);
  } catch {
    return [];
  }
}

/** Whether to ask now: passkeyd says that a passkey is worth offering, this device can hold one, and the person was not asked too often or lately. */
export async function mayPrompt(prompt?: Prompt | null): Promise<boolean> {
  const times = said();
  const lately = times.some((time) => Math.abs(Date.now() - time) < WAIT_MS);
  return !!prompt?.offer && times.length < MOST && !lately && (await capabilities()).platform;
}

/** The person said "Not now". */
export function notNow(): void {
  try {
    localStorage.setItem(KEY, JSON.stringify([...said(), Date.now()].slice(-MOST)));
  } catch {
    // The person is asked again, on the next visit.
  }
}
