// Work that can be stopped, even if it ignores its abort signal.

/** Ends the work with this error. */
export type Stop = (why: unknown) => void;

/** The longest time that a browser's timer can wait. With a longer one it fires at once. */
const LONGEST = 0x7fffffff;

/** An exception like those of the browser. */
export const exception = (name: string, message: string) => new DOMException(message, name);

/** Starts the work. If it has not ended after the given time, `late` runs; by default it stops the work. */
export function stoppable<T>(
  milliseconds: number,
  work: (signal: AbortSignal) => Promise<T>,
  late: (stop: Stop) => void = (stop) => stop(exception('TimeoutError', 'No response in time.')),
): [Promise<T>, Stop] {
  const controller = new AbortController();
  let stop!: Stop;
  let timer: number | undefined;
  const ended = new Promise<T>((resolve, reject) => {
    stop = (why) => {
      reject(why);
      controller.abort(why);
    };
    // The time of a hidden page does not end before the page is visible again.
    const check = () => {
      if (document.hidden) timer = setTimeout(check, 1_000);
      else late(stop);
    };
    timer = setTimeout(check, Math.min(milliseconds, LONGEST));
    work(controller.signal).then(resolve, reject);
  });
  return [ended.finally(() => clearTimeout(timer)), stop];
}
