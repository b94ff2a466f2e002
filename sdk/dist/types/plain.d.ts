/** A copy for JSON: bytes become base64url, and members that are null are removed, because servers write null for "not set". */
export declare function plain(value: any): any;
