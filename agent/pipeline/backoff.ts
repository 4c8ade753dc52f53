const FIRST_CAP_MS = 500;
const LAST_CAP_MS = 30_000;
/** A server that asks for more than this is asked again all the same: a wrong clock or header must not stop shipping for a day. */
const LONGEST_ASKED_MS = 300_000;

/**
 * How long to wait before the given attempt is repeated (0 is the first): full jitter, so that agents of many nodes do not come back
 * in step. Never less than the server asked for, up to five minutes.
 */
export function backoffMs(attempt: number, random: () => number, askedMs = 0): number {
  const capMs = Math.min(LAST_CAP_MS, FIRST_CAP_MS * 2 ** Math.min(attempt, 16));
  return Math.min(askedMs, LONGEST_ASKED_MS) + random() * capMs;
}
