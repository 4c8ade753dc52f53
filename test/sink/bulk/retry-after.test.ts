import { describe, expect, it } from '@jest/globals';
import { parseRetryAfter } from '../../../agent/sink/bulk/retry-after.ts';

const NOW_MS = Date.UTC(2026, 10, 21, 12, 0, 0);

describe('parseRetryAfter', () => {
  it('reads seconds', () => {
    expect(parseRetryAfter('7', NOW_MS)).toBe(7000);
  });

  it('reads an HTTP date', () => {
    expect(parseRetryAfter('Sat, 21 Nov 2026 12:00:30 GMT', NOW_MS)).toBe(30_000);
  });

  it('takes a date of the past as no wait', () => {
    expect(parseRetryAfter('Sat, 21 Nov 2026 11:00:00 GMT', NOW_MS)).toBe(0);
  });

  it.each([undefined, '', 'soon', '-'])('finds no wait in %j', (value) => {
    expect(parseRetryAfter(value, NOW_MS)).toBeUndefined();
  });
});
