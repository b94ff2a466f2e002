/** Base64url, without padding, of text whose characters are bytes. */
export declare const encodeText: (text: string) => string;
/** Base64url without padding. */
export declare const encode: (bytes: {
    buffer?: ArrayBuffer;
    byteOffset?: number;
    byteLength: number;
}) => string;
/** The bytes of base64url or base64 text. Throws when the text is neither. */
export declare const decode: (text: string) => Uint8Array<ArrayBuffer>;
