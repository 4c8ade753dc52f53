import { describe, expect, it } from '@jest/globals';
import { nanosecondsBetween, parseMicroTime } from '../../agent/event/timestamp.ts';

/** Parses a time in quotes that stands in the middle of other bytes. */
function parse(time: string): number {
  const bytes = Buffer.from(`xx"${time}"yy`);
  return parseMicroTime(bytes, 2, bytes.length - 2);
}

function between(from: string, to: string): number {
  const bytes = Buffer.from(`"${from}""${to}"`);
  return nanosecondsBetween(bytes, 0, from.length + 2, from.length + 2, bytes.length);
}

describe('parseMicroTime', () => {
  it('reads the times that the API server writes and cuts off below the millisecond', () => {
    expect(parse('2026-11-21T01:50:23.569767Z')).toBe(Date.UTC(2026, 10, 21, 1, 50, 23, 569));
    expect(parse('2026-11-21T01:50:23.999999Z')).toBe(Date.UTC(2026, 10, 21, 1, 50, 23, 999));
    expect(parse('2026-11-21T01:50:24.000000Z')).toBe(Date.UTC(2026, 10, 21, 1, 50, 24, 0));
  });

  it('reads 0 to 9 fraction digits and offsets from UTC', () => {
    const second = Date.UTC(2026, 10, 21, 1, 50, 23);

    expect(parse('2026-11-21T01:50:23Z')).toBe(second);
    expect(parse('2026-11-21T01:50:23.5Z')).toBe(second + 500);
    expect(parse('2026-11-21T01:50:23.123456789Z')).toBe(second + 123);
    expect(parse('2026-11-21T03:50:23+02:00')).toBe(second);
    expect(parse('2026-11-20T20:20:23.25-05:30')).toBe(second + 250);
    expect(parse('2026-11-21T01:50:23.12+00:00')).toBe(second + 120);
  });

  it('agrees with Date on every day of four centuries', () => {
    for (let ms = Date.UTC(1799, 0, 1, 12); ms < Date.UTC(2200, 0, 1); ms += 86_400_000)
      if (parse(new Date(ms).toISOString()) !== ms) throw new Error(new Date(ms).toISOString());

    expect(parse('0000-01-01T00:00:00Z')).toBe(Date.parse('0000-01-01T00:00:00Z'));
    expect(parse('9999-12-31T23:59:59.999Z')).toBe(Date.parse('9999-12-31T23:59:59.999Z'));
  });

  it.each([
    '',
    '2026',
    '2026-11-21',
    '2026-11-21T01:50:23',
    '2026-11-21 01:50:23Z',
    '2026-11-21t01:50:23z',
    '2026-13-21T01:50:23Z',
    '2026-00-21T01:50:23Z',
    '2026-02-29T01:50:23Z',
    '1900-02-29T01:50:23Z',
    '2026-11-31T01:50:23Z',
    '2026-11-00T01:50:23Z',
    '2026-11-21T24:00:00Z',
    '2026-11-21T01:60:23Z',
    '2026-11-21T01:50:60Z',
    '2026-11-21T01:50:23.Z',
    '2026-11-21T01:50:23,5Z',
    '2026-11-21T01:50:23.1234567890Z',
    '2026-11-21T01:50:23.56976xZ',
    '2026-11-21T01:50:23x569767Z',
    '2026-11-21T01:50:23.569767X',
    '2026-11-21T01:50:23+24:00',
    '2026-11-21T01:50:23+02:60',
    '2026-11-21T01:50:23+0200',
    '2026-11-21T01:50:23+02',
    '2026-11-21T01:50:23.5+02:00Z',
    '\\u0032026-11-21T01:50:23Z',
    '+2026-11-21T01:50:23Z',
  ])('finds no time in %j', (time) => {
    // A good time before, so that the second is known already.
    parse('2026-11-21T01:50:23.569767Z');

    expect(parse(time)).toBeNaN();
  });

  it('finds no time where there are no quotes, no value or not the whole value', () => {
    const bytes = Buffer.from('"2026-11-21T01:50:23.569767Z"');

    expect(parseMicroTime(bytes, -1, 0)).toBeNaN();
    expect(parseMicroTime(bytes, 1, bytes.length - 1)).toBeNaN();
    expect(parseMicroTime(bytes, 0, bytes.length - 1)).toBeNaN();
    expect(parseMicroTime(bytes, 0, bytes.length + 1)).toBeNaN();
    expect(parseMicroTime(Buffer.from('null'), 0, 4)).toBeNaN();
  });
});

describe('nanosecondsBetween', () => {
  it('is exact to the nanosecond', () => {
    expect(between('2026-11-21T01:50:23.569767Z', '2026-11-21T01:50:23.569768Z')).toBe(1_000);
    expect(between('2026-11-21T01:50:23.999999999Z', '2026-11-21T01:50:24Z')).toBe(1);
    expect(between('2026-11-21T01:00:00.000001Z', '2026-11-21T02:00:00Z')).toBe(3_599_999_999_000);
    expect(between('2026-11-21T01:50:24Z', '2026-11-21T01:50:23.5Z')).toBe(-500_000_000);
  });

  it('is NaN where one of the two is no time', () => {
    expect(between('2026-11-21T01:50:23Z', 'soon')).toBeNaN();
    expect(between('soon', '2026-11-21T01:50:23Z')).toBeNaN();
  });
});
