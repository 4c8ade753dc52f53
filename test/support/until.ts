import { setTimeout as delay } from 'node:timers/promises';

const POLL_MS = 15;
/** Generous: a machine with much other work must not make a test fail. */
const TIMEOUT_MS = 60_000;

/** Asks again and again until the answer is neither undefined nor false. Rejects with `what` and, if given, `state()` when time is up. */
export async function until<Answer>(
  what: string,
  ask: () => Answer | undefined | false | Promise<Answer | undefined | false>,
  state: () => unknown = () => '',
): Promise<Answer> {
  const deadlineMs = performance.now() + TIMEOUT_MS;
  for (;;) {
    const answer = await ask();
    if (answer !== undefined && answer !== false) return answer;
    if (performance.now() > deadlineMs)
      throw new Error(`not within ${TIMEOUT_MS} ms: ${what} ${JSON.stringify(state())}`);
    await delay(POLL_MS);
  }
}
