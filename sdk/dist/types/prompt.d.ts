import { type Prompt } from './passkeys/index.js';
/** Whether to ask now: passkeyd says that a passkey is worth offering, this device can hold one, and the person was not asked too often or lately. */
export declare function mayPrompt(prompt?: Prompt | null): Promise<boolean>;
/** The person said "Not now". */
export declare function notNow(): void;
