/** Ends the ceremony if there is no status token. */
export declare const requireToken: (statusToken: unknown) => unknown;
