import { describe, expect, it } from '@jest/globals';
import { decodeLine } from '../../agent/event/decode.ts';
import { LineFields, MAX_ANNOTATIONS } from '../../agent/event/fields.ts';
import { scanLine } from '../../agent/event/scan.ts';
import { mergeInvalid } from '../support/merge-invalid.ts';

const HEAD = '"kind":"Event","apiVersion":"audit.k8s.io/v1"';
const fields = new LineFields();

/** The decoded event as text; fails where the line is none or where the scan does not accept what was made of it. */
function decoded(line: string | Buffer): string {
  const result = decodeLine(Buffer.from(line));
  if (result.status !== 'event') throw new Error(`undecodable: ${result.reason}`);
  expect(scanLine(result.bytes, 0, result.bytes.length, fields)).toBe(result.bytes.length);
  return result.bytes.toString();
}

describe('decodeLine', () => {
  it.each([
    ['', 'json'],
    ['{', 'json'],
    ['\u0000', 'json'],
    [`{${HEAD}}x`, 'json'],
    [`{${HEAD},"verb":01}`, 'json'],
    [`\ufeff{${HEAD}}`, 'json'],
    ['2026-11-21T01:50:23Z AUDIT: id="a" stage="RequestReceived" ip="::1"', 'json'],
    ['{"kind": 0}', 'not-audit'],
    ['5', 'not-audit'],
    ['null', 'not-audit'],
    ['"x"', 'not-audit'],
    [`[{${HEAD}}]`, 'not-audit'],
    ['{"kind":"Event","apiVersion":"v1"}', 'not-audit'],
    ['{"kind":"Event","apiVersion":"audit.k8s.io/v1beta1"}', 'not-audit'],
    ['{"kind":"EventList","apiVersion":"audit.k8s.io/v1","items":[]}', 'not-audit'],
    ['{"__proto__":{"kind":"Event","apiVersion":"audit.k8s.io/v1"}}', 'not-audit'],
  ])('says of %j that it is %s', (line, reason) => {
    expect(decodeLine(Buffer.from(line))).toEqual({ status: 'undecodable', reason });
  });

  it('takes white space away, but not inside strings, and says where the event stands', () => {
    const result = decodeLine(
      Buffer.from(` \t{ ${HEAD} , "verb" : "a b" , "user" : { "groups" : [ "x" , "y" ] } } \r`),
    );

    expect(result).toMatchObject({ status: 'event', start: 2, degraded: '' });
    expect(result.status === 'event' && result.bytes.toString()).toBe(
      `{${HEAD},"verb":"a b","user":{"groups":["x","y"]}}`,
    );
  });

  it('writes each key that is read once and plainly, and the last value wins', () => {
    expect(decoded(`{${HEAD},"verb":"get","v\\u0065rb":"list","new":1,"new":2}`)).toBe(
      `{${HEAD},"verb":"list","new":2}`,
    );
    expect(
      decoded(`{${HEAD},"user":{"username":"a","username":"b"},"annotations":{"a":"1","\\u0061":"2"}}`),
    ).toBe(`{${HEAD},"user":{"username":"b"},"annotations":{"a":"2"}}`);
  });

  it('keeps numbers, escapes, repeated keys and __proto__ inside bodies as they are', () => {
    const body = `{"a":1.0,"b":${'9'.repeat(2000)},"c":-0,"d":1E400,"e":"\\ud800\\u003c\\/","f":1,"f":2,"__proto__":{"x":1},"":0}`;

    expect(decoded(`{ ${HEAD},"requestObject":${body},"__proto__":{"verb":"x"}}`)).toBe(
      `{${HEAD},"requestObject":${body},"__proto__":{"verb":"x"}}`,
    );
  });

  it('moves what has a wrong type below "invalid"', () => {
    expect(decoded(`{${HEAD},"verb":5,"user":"admin","sourceIPs":["::1",2],"stage":"Panic"}`)).toBe(
      `{${HEAD},"stage":"Panic","invalid":{"verb":5,"user":"admin","sourceIPs":["::1",2]}}`,
    );
    expect(decoded(`{${HEAD},"user":{"username":{},"uid":"1"},"responseStatus":{"code":2e2}}`)).toBe(
      `{${HEAD},"user":{"uid":"1"},"responseStatus":{},"invalid":{"user":{"username":{}},"responseStatus":{"code":2e2}}}`,
    );
    expect(decoded(`{${HEAD},"annotations":{"a":"b","c":null,"d\\n":"e"}}`)).toBe(
      `{${HEAD},"annotations":{"a":"b"},"invalid":{"annotations":{"c":null,"d\\n":"e"}}}`,
    );
  });

  it('moves unknown keys that the scan would stumble over, and "invalid" itself', () => {
    expect(decoded(`{${HEAD},"a\\"b":1,"invalid":2,"c":3}`)).toBe(
      `{${HEAD},"c":3,"invalid":{"a\\"b":1,"invalid":2}}`,
    );
  });

  it('keeps null where it stands', () => {
    expect(decoded(`{${HEAD}, "user":null,"stageTimestamp":null}`)).toBe(
      `{${HEAD},"user":null,"stageTimestamp":null}`,
    );
  });

  it('keeps every annotation and unknown member, whatever their number', () => {
    const many: Record<string, string> = {};
    for (let i = 0; i < 200; i += 1) many[`k${i}`] = 'v';
    const event = {
      kind: 'Event',
      apiVersion: 'audit.k8s.io/v1',
      ...many,
      user: many,
      annotations: many,
    };

    const result: unknown = JSON.parse(decoded(JSON.stringify(event)));

    expect(mergeInvalid(result)).toEqual(event);
    expect(result).not.toEqual(event);
    expect(fields.annotationCount).toBe(MAX_ANNOTATIONS);
  });

  it('makes U+FFFD of bytes that are no UTF-8, and says so', () => {
    const line = Buffer.concat([
      Buffer.from(`{${HEAD},"verb":"a`),
      Buffer.of(0xff, 0xc3),
      Buffer.from('b"}'),
    ]);

    const result = decodeLine(line);

    expect(result).toMatchObject({ status: 'event', degraded: 'utf8', start: 0, end: line.length });
    expect(result.status === 'event' && result.bytes.toString()).toBe(`{${HEAD},"verb":"a\ufffd\ufffdb"}`);
  });

  it.each([10_000, 200_000])('decodes bodies of depth %d', (depth) => {
    const body = `${'['.repeat(depth)}${']'.repeat(depth)}`;

    expect(decoded(`{${HEAD}, "requestObject":${body}}`)).toBe(`{${HEAD},"requestObject":${body}}`);
  });
});
