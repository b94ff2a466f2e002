/** Ends the work with this error. */
export type Stop = (why: unknown) => void;
/** An exception as the browser makes them. */
export declare const exception: (name: string, message: string) => DOMException;
/** Starts the work. When it has not ended after the given time it is `late`, which by default stops it. */
export declare function stoppable<T>(milliseconds: number, work: (signal: AbortSignal) => Promise<T>, late?: (stop: Stop) => void): [Promise<T>, Stop];
