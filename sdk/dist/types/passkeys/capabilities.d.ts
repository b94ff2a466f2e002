import type { Capabilities } from './types.js';
/** What this browser can do. Never rejects: what cannot be found out is `false`. */
export declare function capabilities(): Promise<Capabilities>;
