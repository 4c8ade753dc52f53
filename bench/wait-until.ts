import { setTimeout as delay } from 'node:timers/promises';

export interface WaitOptions {
  readonly timeoutMs: number;
  readonly intervalMs: number;
  readonly signal: AbortSignal;
}

/** Asks again and again until the answer is there. Fails with `what` in its message when time is up. */
export async function waitUntil<T>(
  what: string,
  ask: () => Promise<T | undefined>,
  { timeoutMs, intervalMs, signal }: WaitOptions,
): Promise<T> {
  const deadlineMs = performance.now() + timeoutMs;
  for (;;) {
    const answer = await ask();
    if (answer !== undefined) return answer;
    if (performance.now() > deadlineMs) throw new Error(`${what}: not within ${timeoutMs / 1000} s`);
    await delay(intervalMs, undefined, { signal });
  }
}
