import { encode } from './base64url.js';

/** A copy for JSON: bytes become base64url, and members that are null are removed, because servers write null for "not set". */
export function plain(value: any): any {
  if (Object(value) !== value) return value;
  if (value.byteLength >= 0) return encode(value); // Bytes, of this window or of another one.
  if (Array.isArray(value)) return value.map(plain);
  const copy: Record<string, unknown> = {};
  for (const name of Object.keys(value)) if (value[name] != null) copy[name] = plain(value[name]);
  return copy;
}
