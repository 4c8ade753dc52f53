import type { Clock } from '../clock.ts';

const SMALLEST_CHUNK_BYTES = 16 * 1024;
/** Waits end after so long at most, so that a brake set very low still lets the loop turn. */
const LONGEST_WAIT_MS = 1_000;

/** Limits how fast the cursors of a log read together (`maxReadBytesPerSecond`, decompressed). */
export interface ReadBrake {
  /** The largest read that keeps the rate even. */
  readonly chunkBytes: number;
  /** Whether reading must wait now. */
  holds(): boolean;
  /** Waits until reading may go on, or a second, or until the signal aborts. */
  wait(signal: AbortSignal): Promise<void>;
  spend(bytes: number): void;
}

/** An infinite rate never holds. */
export function createReadBrake(maxReadBytesPerSecond: number, clock: Clock): ReadBrake {
  let freeAtMs = 0;
  return {
    chunkBytes: Math.max(SMALLEST_CHUNK_BYTES, Math.floor(maxReadBytesPerSecond / 4)),
    holds: () => clock.monotonicMs() < freeAtMs,
    wait: (signal) =>
      clock.delay(Math.min(LONGEST_WAIT_MS, Math.max(1, freeAtMs - clock.monotonicMs())), signal),
    spend: (bytes) => {
      freeAtMs = Math.max(freeAtMs, clock.monotonicMs()) + (bytes * 1000) / maxReadBytesPerSecond;
    },
  };
}
