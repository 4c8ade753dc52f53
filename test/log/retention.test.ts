import { describe, expect, it } from '@jest/globals';
import type { LogEntry } from '../../agent/log/directory.ts';
import { Retention } from '../../agent/log/retention.ts';

const HOUR_MS = 3_600_000;

/** Backups that were rotated at these hours, and the live file. */
function files(...hours: number[]): LogEntry[] {
  const entry = (rotatedAtMs: number | undefined): LogEntry => ({
    path: String(rotatedAtMs),
    name: { live: rotatedAtMs === undefined, compressed: false, key: String(rotatedAtMs), rotatedAtMs },
    device: 1n,
    inode: 1n,
    sizeBytes: 1,
    modifiedAtMs: 0,
    identity: { status: 'empty' },
  });
  return [...hours.map((hour) => entry(hour * HOUR_MS)), entry(undefined)];
}

describe('retention', () => {
  it('knows nothing before the oldest backup was seen to go', () => {
    const retention = new Retention();
    retention.observe(files(1, 2));
    retention.observe(files(1, 2, 3));

    expect(retention.secondsUntilDeletion(HOUR_MS, 3 * HOUR_MS)).toBeUndefined();
  });

  it('tells when a backup goes by the rotations to come', () => {
    const retention = new Retention();
    retention.observe(files(1, 2, 3));
    retention.observe(files(2, 3, 4));

    // The oldest goes at the next rotation, at 5; the newest two rotations later; the live file after one more.
    expect(retention.secondsUntilDeletion(2 * HOUR_MS, 4.5 * HOUR_MS)).toBe(1_800);
    expect(retention.secondsUntilDeletion(4 * HOUR_MS, 4.5 * HOUR_MS)).toBe(1_800 + 2 * 3_600);
    expect(retention.secondsUntilDeletion(undefined, 4.5 * HOUR_MS)).toBe(1_800 + 3 * 3_600);
  });

  it('does not take a deletion by hand for the rule', () => {
    const retention = new Retention();
    retention.observe(files(1, 2, 3));
    retention.observe(files(2, 3));

    expect(retention.secondsUntilDeletion(2 * HOUR_MS, 4 * HOUR_MS)).toBeUndefined();
  });
});
