/** A copy for JSON: bytes as base64url, and without members that are null, as which servers write "not set". */
export declare function plain(value: any): any;
