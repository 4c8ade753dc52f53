import type { Clock } from '../../agent/clock.ts';

/** A clock that moves when it is told to, or when somebody waits. The time of day stays the real one, as files have it. */
export class ManualClock implements Clock {
  #monotonicMs = 1_000;
  nowMs: () => number = () => Date.now();

  monotonicMs(): number {
    return this.#monotonicMs;
  }

  advance(ms: number): void {
    this.#monotonicMs += ms;
  }

  async delay(ms: number): Promise<void> {
    this.#monotonicMs += ms;
    await new Promise((resolve) => setImmediate(resolve));
  }
}
