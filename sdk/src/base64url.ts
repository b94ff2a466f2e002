// Binary data as text. Decoding accepts padding and the alphabet of base64; encoding writes neither.

/** Base64url, without padding, of text whose characters are bytes. */
export const encodeText = (text: string) => btoa(text).replace(/\+/g, '-').replace(/\//g, '_').replace(/=/g, '');

/** Base64url without padding. */
export const encode = (bytes: { buffer?: ArrayBuffer; byteOffset?: number; byteLength: number }): string =>
  encodeText(
    Array.from(new Uint8Array(bytes.buffer || (bytes as ArrayBuffer), bytes.byteOffset, bytes.byteLength), (byte) =>
      String.fromCharCode(byte),
    ).join(''),
  );

/** The bytes of base64url or base64 text. Throws when the text is neither. */
export const decode = (text: string): Uint8Array<ArrayBuffer> =>
  Uint8Array.from(atob(text.replace(/-/g, '+').replace(/_/g, '/')), (letter) => letter.charCodeAt(0));
