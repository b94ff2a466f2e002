/** Ends the ceremony where there is no status token. */
export declare const requireToken: (statusToken: unknown) => unknown;
