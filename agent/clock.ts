/** Time, given to whoever needs it so that tests can run it. */
export interface Clock {
  /** Time of day, ms since the epoch. */
  readonly nowMs: () => number;
  /** Milliseconds that only ever grow, for measuring and waiting. */
  readonly monotonicMs: () => number;
  /** Resolves after `ms`, or at once when the signal aborts. */
  readonly delay: (ms: number, signal: AbortSignal) => Promise<void>;
}

export const systemClock: Clock = {
  nowMs: () => Date.now(),
  monotonicMs: () => performance.now(),
  delay: (ms, signal) =>
    new Promise((resolve) => {
      if (signal.aborted) return resolve();
      const finish = (): void => {
        clearTimeout(timer);
        signal.removeEventListener('abort', finish);
        resolve();
      };
      const timer = setTimeout(finish, ms);
      signal.addEventListener('abort', finish, { once: true });
    }),
};
