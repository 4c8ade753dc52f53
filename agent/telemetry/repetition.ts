const QUIET_MS = 30_000;
/** Keys are names from the configuration and words from fixed lists; more of them than this means a bug. */
const MAX_KEYS = 10_000;

/** Lets a repeated line through at once and then once in 30 s, and counts those in between. */
export class Repetition {
  readonly #nowMs: () => number;
  readonly #last = new Map<string, { atMs: number; suppressed: number }>();

  /** @param nowMs Milliseconds that only ever grow. */
  constructor(nowMs: () => number) {
    this.#nowMs = nowMs;
  }

  /** How many were held back since the last one; undefined where this one is held back too. */
  pass(key: string): number | undefined {
    const now = this.#nowMs();
    const last = this.#last.get(key);
    if (last !== undefined && now - last.atMs < QUIET_MS) {
      last.suppressed += 1;
      return undefined;
    }
    if (this.#last.size >= MAX_KEYS) this.#last.clear();
    this.#last.set(key, { atMs: now, suppressed: 0 });
    return last?.suppressed ?? 0;
  }

  /** The condition is over: the next one is said at once. */
  forget(key: string): void {
    this.#last.delete(key);
  }
}
