import { encodeText } from './base64url.js';

/** The user handle of a user, from the key as UUID; nothing when the text is no UUID. */
export function userHandle(userId: unknown): string | undefined {
  const hex = `${userId}`.replace(/-/g, '').toLowerCase();
  return /^[0-9a-f]{32}$/.test(hex) ? encodeText(`YE${hex}`) : undefined;
}
