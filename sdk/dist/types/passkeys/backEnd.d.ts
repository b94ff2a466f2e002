import type { Answer, Routes, Settings } from './types.js';
export declare let settings: Settings;
/** Sets what all later calls use. Members that are not given keep their values. */
export declare function configure(more: Settings): void;
export declare const route: (name: keyof Routes) => string;
/** Posts JSON to a path below the back end, and passes the signals of the answer to the password manager. */
export declare function post(path: string, body?: object): Promise<Answer>;
