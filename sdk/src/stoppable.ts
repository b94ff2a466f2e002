// Work that ends when it is told to, even if what was asked ignores its signal.

/** Ends the work with this error. */
export type Stop = (why: unknown) => void;

/** The longest time a browser's timer can wait; beyond it they do not wait at all. */
const LONGEST = 0x7fffffff;

/** An exception as the browser makes them. */
export const exception = (name: string, message: string) => new DOMException(message, name);

/** Starts the work. When it has not ended after the given time it is `late`, which by default stops it. */
export function stoppable<T>(
  milliseconds: number,
  work: (signal: AbortSignal) => Promise<T>,
  late: (stop: Stop) => void = (stop) => stop(exception('TimeoutError', 'Nothing answered in time.')),
): [Promise<T>, Stop] {
  const controller = new AbortController();
  let stop!: Stop;
  let timer: number | undefined;
  const ended = new Promise<T>((resolve, reject) => {
    stop = (why) => {
      reject(why);
      controller.abort(why);
    };
    // A page that nobody sees is not late before somebody looks at it again.
    const check = () => {
      if (document.hidden) timer = setTimeout(check, 1_000);
      else late(stop);
    };
    timer = setTimeout(check, Math.min(milliseconds, LONGEST));
    work(controller.signal).then(resolve, reject);
  });
  return [ended.finally(() => clearTimeout(timer)), stop];
}
