/** Ends the work with this error. */
export type Stop = (why: unknown) => void;
/** An exception like those of the browser. */
export declare const exception: (name: string, message: string) => DOMException;
/** Starts the work. If it has not ended after the given time, `late` runs; by default it stops the work. */
export declare function stoppable<T>(milliseconds: number, work: (signal: AbortSignal) => Promise<T>, late?: (stop: Stop) => void): [Promise<T>, Stop];
