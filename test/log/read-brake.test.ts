import { describe, expect, it } from '@jest/globals';
import { createReadBrake } from '../../agent/log/read-brake.ts';
import { ManualClock } from '../support/manual-clock.ts';

const NEVER = new AbortController().signal;

describe('read brake', () => {
  it('lets cursors together read no more than the rate', async () => {
    const clock = new ManualClock();
    const brake = createReadBrake(1_000_000, clock);
    const startedMs = clock.monotonicMs();
    let bytes = 0;
    while (bytes < 5_000_000) {
      if (brake.holds()) await brake.wait(NEVER);
      else {
        brake.spend(100_000);
        bytes += 100_000;
      }
    }

    const seconds = (clock.monotonicMs() - startedMs) / 1000;
    expect(seconds).toBeGreaterThan(4.5);
    expect(seconds).toBeLessThan(5.5);
  });

  it('gives no credit for a quiet time', () => {
    const clock = new ManualClock();
    const brake = createReadBrake(1_000, clock);
    clock.advance(60_000);
    brake.spend(1_000);

    expect(brake.holds()).toBe(true);
  });

  it('never holds where the rate has no limit', () => {
    const brake = createReadBrake(Number.POSITIVE_INFINITY, new ManualClock());
    brake.spend(1e12);

    expect(brake.holds()).toBe(false);
  });
});
