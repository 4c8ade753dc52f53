import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import { Ledger } from '../../agent/checkpoint/ledger.ts';
import type { LogPosition } from '../../agent/log/log.ts';

const file = { fingerprint: 'f'.repeat(64), path: '/audit.log', inode: 1 };

function at(offset: number): LogPosition {
  return { file, offset };
}

function range(offset: number) {
  return { end: at(offset), lastStageMs: offset * 1000 };
}

describe('Ledger', () => {
  it('has no checkpoint while nothing is settled', () => {
    const ledger = new Ledger(undefined);

    ledger.open(range(10));

    expect(ledger.checkpoint).toBeUndefined();
    expect(ledger.openRanges).toBe(1);
  });

  it('does not move past a range that is still on its way', () => {
    const ledger = new Ledger({ position: at(5), lastStageMs: 1, sinkState: 'before' });
    const first = ledger.open(range(10));
    const second = ledger.open(range(20));

    ledger.settle(second, 'second');

    expect(ledger.checkpoint).toEqual({ position: at(5), lastStageMs: 1, sinkState: 'before' });
    ledger.settle(first);
    expect(ledger.checkpoint).toEqual({ position: at(20), lastStageMs: 20_000, sinkState: 'second' });
    expect(ledger.openRanges).toBe(0);
  });

  it('keeps the stage time and the sink state over ranges that have none', () => {
    const ledger = new Ledger(undefined);
    ledger.settle(ledger.open(range(10)), { length: 3 });

    ledger.settle(ledger.open({ end: at(11), lastStageMs: 0 }));

    expect(ledger.checkpoint).toEqual({ position: at(11), lastStageMs: 10_000, sinkState: { length: 3 } });
  });

  it('refuses to settle a range twice', () => {
    const ledger = new Ledger(undefined);
    const first = ledger.open(range(1));
    const second = ledger.open(range(2));
    ledger.settle(second);

    expect(() => ledger.settle(second)).toThrow('not open');
    ledger.settle(first);
    expect(() => ledger.settle(first)).toThrow('not open');
  });

  it('stands at the end of the longest settled run, whatever the order of settling', () => {
    const order = fc.array(fc.nat({ max: 30 }), { minLength: 1, maxLength: 60 });
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 30 }), order, (count, picks) => {
        const ledger = new Ledger(undefined);
        const open = Array.from({ length: count }, (_, index) => ledger.open(range(index + 1)));
        const settled = new Set<number>();
        for (const pick of picks.map((one) => one % count)) {
          const entry = open[pick];
          if (settled.has(pick) || entry === undefined) continue;
          settled.add(pick);
          ledger.settle(entry);
          let run = 0;
          while (settled.has(run)) run += 1;
          expect(ledger.checkpoint?.position.offset ?? 0).toBe(run);
        }
      }),
    );
  });
});
