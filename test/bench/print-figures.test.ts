import { describe, expect, it } from '@jest/globals';
import { median } from '../../bench/bench-case.ts';
import { tableOf, verdictOf } from '../../bench/print-figures.ts';

const figure = { what: 'idle RSS', unit: 'MB', note: 'alone' } as const;

describe('the figures of the bench', () => {
  it('are over where they exceed their budget or are no number', () => {
    expect(verdictOf({ ...figure, value: 60, budget: 60 })).toBe('ok');
    expect(verdictOf({ ...figure, value: 60.1, budget: 60 })).toBe('OVER');
    expect(verdictOf({ ...figure, value: Number.NaN, budget: 60 })).toBe('OVER');
    expect(verdictOf({ ...figure, value: 900 })).toBe('');
  });

  it('stand in a table with their budgets and the part used', () => {
    const lines = tableOf([
      { ...figure, value: 51.24, budget: 60 },
      { what: 'CPU', value: 1.9, unit: '×', budget: 1.8, note: 'three runs' },
    ]).split('\n');

    expect(lines[1]).toMatch(/^idle RSS +51\.2 MB +60 MB +85 % +ok +alone$/);
    expect(lines[2]).toMatch(/^CPU +1\.90 × +1\.8 × +106 % +OVER +three runs$/);
  });

  it('are medians', () => {
    expect(median([3, 1, 2])).toBe(2);
    expect(median([4, 1, 3, 2])).toBe(2.5);
  });
});
