import { encodeText } from './base64url.js';

/** The user handle of the user with this UUID; `undefined` if the text is not a UUID. */
export function userHandle(userId: unknown): string | undefined {
  const hex = `${userId}`.replace(/-/g, '').toLowerCase();
  return /^[0-9a-f]{32}$/.test(hex) ? encodeText(`YE${hex}`) : undefined;
}
