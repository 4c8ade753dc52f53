import { describe, expect, it } from '@jest/globals';
import { splitLine } from '../../agent/event/resync.ts';

const EVENT = '{"kind":"Event","apiVersion":"audit.k8s.io/v1","auditID":"a","user":{"username":"x"}}';
const OTHER = '{"kind":"Event","apiVersion":"audit.k8s.io/v1","auditID":"b","annotations":{"a":"b"}}';
const HEAD = '{"kind":"Event","apiVersion":"audit.k8s.io/v1"';

/** The segments as text: events as they are, the rest in angle brackets. */
function split(line: string): string[] {
  const bytes = Buffer.from(line);
  return splitLine(bytes).map(({ status, start, end }) => {
    const text = bytes.toString('utf8', start, end);
    return status === 'event' ? text : `<${text}>`;
  });
}

describe('splitLine', () => {
  it('splits whole events at their seams', () => {
    expect(split(EVENT + OTHER)).toEqual([EVENT, OTHER]);
    expect(split(EVENT + OTHER + EVENT + OTHER)).toEqual([EVENT, OTHER, EVENT, OTHER]);
  });

  it('skips NULs and white space around events', () => {
    expect(split(`\0\0${EVENT}\0 ${OTHER}\r`)).toEqual([EVENT, OTHER]);
    expect(split(`\0\0${EVENT}`)).toEqual([EVENT]);
  });

  it('finds the event that is glued to a torn one, wherever that was torn', () => {
    const torn = `${HEAD},"auditID":"a\\"b","user":{"username":"x","groups":["a","b"]},"code":12,"x":true}`;

    for (let length = 1; length < torn.length; length += 1)
      expect(split(torn.slice(0, length) + OTHER)).toEqual([`<${torn.slice(0, length)}>`, OTHER]);
  });

  it('finds the event behind garbage', () => {
    for (const garbage of ['x', '"', '{"', '\\', '{}', '[', `{"kind":0}`, `${EVENT}x`, '2026 AUDIT: id="a"'])
      expect(split(garbage + OTHER)).toEqual([`<${garbage}>`, OTHER]);
  });

  it('takes no event out of another object', () => {
    const forged = `${HEAD},"requestObject":${OTHER}}`;

    expect(split(`{"a":${OTHER}}`)).toEqual([`<{"a":${OTHER}}>`]);
    expect(split(`torn${forged}`)).toEqual(['<torn>', forged]);
    expect(split(`${HEAD},"requestObject":{"a":${OTHER},"b":${forged}}`)).toHaveLength(1);
    expect(split(`${HEAD},"requestObject":[${OTHER}],"user":{"use${forged}`)).toEqual([
      `<${HEAD},"requestObject":[${OTHER}],"user":{"use>`,
      forged,
    ]);
  });

  it('takes no event that does not end with the line', () => {
    expect(split(`${EVENT}x`)).toEqual([`<${EVENT}x>`]);
    expect(split(`${EVENT}${OTHER}x`)).toEqual([`<${EVENT}${OTHER}x>`]);
    expect(split(`x${EVENT}]`)).toEqual([`<x${EVENT}]>`]);
  });

  it('splits at no event of another version and at no other object', () => {
    const beta = EVENT.replace('/v1"', '/v1beta1"');

    expect(split(`x${beta}`)).toEqual([`<x${beta}>`]);
    expect(split(`${EVENT}{"kind":0}`)).toEqual([`<${EVENT}{"kind":0}>`]);
  });

  it('gives a line without any event back as a whole', () => {
    for (const line of ['x', '{}', 'null', '\0x\0', ' ']) expect(split(line)).toEqual([`<${line}>`]);
    expect(splitLine(Buffer.alloc(0))).toEqual([{ status: 'undecodable', start: 0, end: 0 }]);
  });

  it('finds events with bytes that are no UTF-8 and with white space between tokens', () => {
    const bytes = Buffer.concat([
      Buffer.from(`torn${HEAD} , "verb" : "`),
      Buffer.of(0xff),
      Buffer.from('" }'),
    ]);

    expect(splitLine(bytes)).toEqual([
      { status: 'undecodable', start: 0, end: 4 },
      { status: 'event', start: 4, end: bytes.length },
    ]);
  });

  // In time that grows with the square of the length, each of these would take hours.
  it.each([
    ['nested markers without end', `${HEAD},"x":`.repeat(300_000)],
    ['objects one after another', `[${`${HEAD}},`.repeat(300_000)}`],
    ['torn strings', `${HEAD},"x":"`.repeat(300_000)],
    ['torn objects in arrays', `[${HEAD},"x":[1,`.repeat(300_000)],
  ])('takes a long line of %s', (_, line) => {
    expect(splitLine(Buffer.from(line))).toHaveLength(1);
    expect(splitLine(Buffer.from(line + OTHER)).at(-1)).toMatchObject({ end: line.length + OTHER.length });
  });
});
