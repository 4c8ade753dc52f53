import { describe, expect, it } from '@jest/globals';
import { LineFields, MAX_ANNOTATIONS, SLOT } from '../../agent/event/fields.ts';
import { scanLine } from '../../agent/event/scan.ts';
import { referenceFields, scannedFields } from '../support/reference-fields.ts';

const HEAD = '"kind":"Event","apiVersion":"audit.k8s.io/v1"';
const fields = new LineFields();

/** The end of the event `{HEAD,members}` as the scan sees it, or -1. */
function scan(text: string): number {
  const bytes = Buffer.from(text);
  const end = scanLine(bytes, 0, bytes.length, fields);
  expect([-1, bytes.length]).toContain(end);
  return end;
}

function accepts(members: string): boolean {
  return scan(`{${HEAD},${members}}`) >= 0;
}

function expectFieldsOf(bytes: Buffer): void {
  const event: unknown = JSON.parse(bytes.toString());
  expect({ ...scannedFields(bytes, fields) }).toEqual({ ...referenceFields(event) });
}

function valueOf(bytes: Buffer, slot: keyof typeof SLOT): string | undefined {
  if (!fields.has(SLOT[slot])) return undefined;
  return bytes.toString('utf8', fields.starts[SLOT[slot]], fields.ends[SLOT[slot]]);
}

describe('scanLine', () => {
  it('says where values stand, as they stand', () => {
    const line = Buffer.from(
      `{${HEAD},"verb":"get","user":{"username":"a\\"b","groups":["x","y"]},"responseStatus":{"metadata":{},"code":404},"annotations":{"authorization.k8s.io/decision":"allow","a.b/c":"d"}}`,
    );

    expect(scanLine(line, 0, line.length, fields)).toBe(line.length);

    expect(valueOf(line, 'user')).toBe('{"username":"a\\"b","groups":["x","y"]}');
    expect(valueOf(line, 'userUsername')).toBe('"a\\"b"');
    expect(valueOf(line, 'userGroups')).toBe('["x","y"]');
    expect(valueOf(line, 'userUid')).toBeUndefined();
    expect(valueOf(line, 'statusCode')).toBe('404');
    expect(valueOf(line, 'decision')).toBe('"allow"');
    expect(fields.annotationCount).toBe(2);
    expect(line.toString('utf8', fields.keyStarts[1], fields.keyEnds[1])).toBe('a.b/c');
    expect(line.toString('utf8', fields.valueStarts[1], fields.valueEnds[1])).toBe('"d"');
  });

  it('stops at the end of the event, wherever it stands, and forgets the line before', () => {
    const first = `{${HEAD},"verb":"list","annotations":{"a":"b"}}`;
    const second = `{"apiVersion":"audit.k8s.io/v1","stage":"Panic","kind":"Event"}`;
    const bytes = Buffer.from(`${first}\n${second}\n`);

    expect(scanLine(bytes, 0, bytes.length, fields)).toBe(first.length);
    expect(scanLine(bytes, first.length + 1, bytes.length, fields)).toBe(bytes.length - 1);
    expect(valueOf(bytes, 'verb')).toBeUndefined();
    expect(valueOf(bytes, 'stage')).toBe('"Panic"');
    expect(fields.annotationCount).toBe(0);
  });

  it('does not go beyond its limit', () => {
    const bytes = Buffer.from(`{${HEAD},"verb":"list"}`);

    for (let limit = 0; limit < bytes.length; limit += 1) {
      expect(scanLine(bytes, 0, limit, fields)).toBe(-1);
      expect(scanLine(bytes.subarray(0, limit), 0, limit, fields)).toBe(-1);
    }
  });

  it('takes null for absent', () => {
    expect(
      accepts('"user":null,"stageTimestamp":null,"responseStatus":{"code":null},"annotations":null'),
    ).toBe(true);
    for (const slot of ['user', 'stageTimestamp', 'statusCode', 'annotations'] as const)
      expect(fields.has(SLOT[slot])).toBe(false);
    expect(fields.has(SLOT.responseStatus)).toBe(true);
  });

  it.each([
    ['no event', '{}'],
    ['another kind', '{"kind":"EventList","apiVersion":"audit.k8s.io/v1"}'],
    ['another version', '{"kind":"Event","apiVersion":"audit.k8s.io/v1beta1"}'],
    ['no version', '{"kind":"Event"}'],
    ['no kind', '{"apiVersion":"audit.k8s.io/v1"}'],
    ['a null kind', '{"kind":null,"apiVersion":"audit.k8s.io/v1"}'],
    ['an array', '["kind"]'],
    ['nothing', ''],
    ['a trailing comma', `{${HEAD},}`],
    ['white space between tokens', `{${HEAD}, "verb":"get"}`],
    ['white space before a colon', `{${HEAD},"verb" :"get"}`],
    ['white space inside a body', `{${HEAD},"requestObject":{"a": 1}}`],
  ])('refuses %s', (_, text) => {
    expect(scan(text)).toBe(-1);
  });

  it.each([
    ['a key with an escape', '"v\\u0065rb":"get"'],
    ['a nested key with an escape', '"user":{"usern\\u0061me":"a"}'],
    ['an annotation key with an escape', '"annotations":{"a\\u002eb":"c"}'],
    ['an annotation that is no string', '"annotations":{"a":1}'],
    ['an annotation that is null', '"annotations":{"a":null}'],
    ['a key twice', '"verb":"get","stage":"Panic","verb":"list"'],
    ['a key twice, once null', '"verb":null,"verb":"list"'],
    ['an unknown key twice', '"new":1,"verb":"get","new":1'],
    ['a nested key twice', '"objectRef":{"name":"a","name":"a"}'],
    ['an unknown nested key twice', '"objectRef":{"new":"a","new":"a"}'],
    ['an annotation twice', '"annotations":{"a":"b","c":"d","a":"b"}'],
    [
      'a known annotation twice',
      '"annotations":{"authorization.k8s.io/reason":"","authorization.k8s.io/reason":""}',
    ],
    ['a user that is no object', '"user":"admin"'],
    ['groups that are no array', '"user":{"groups":{}}'],
    ['groups that are not all strings', '"user":{"groups":["a",1]}'],
    ['sourceIPs that hold null', '"sourceIPs":[null]'],
    ['a verb that is no string', '"verb":1'],
    ['extra that is no object', '"user":{"extra":[]}'],
    ['a code that is a string', '"responseStatus":{"code":"200"}'],
    ['a code with a fraction', '"responseStatus":{"code":200.0}'],
    ['a code with an exponent', '"responseStatus":{"code":2e2}'],
    ['a code of ten digits', '"responseStatus":{"code":1234567890}'],
    ['a control byte in a string', '"verb":"g\u0001t"'],
    ['a bad escape', '"verb":"\\x41"'],
    ['a short unicode escape', '"verb":"\\u004"'],
    ['a string without end', '"verb":"get'],
    ...[
      '01',
      '-',
      '1.',
      '.5',
      '1e',
      '1e+',
      '+1',
      '0x1',
      'NaN',
      'nul',
      'True',
      'nulll',
      '""x',
      '[1,]',
      '[,1]',
      '{,}',
    ].map((value) => [`a body of ${value}`, `"requestObject":${value}`]),
    ...['{"a"}', '{"a":}', '{"a":1,}', '{a:1}', '{1:1}', '{"a":1]', '[1}', '[', '{"a":[}', '[[]'].map(
      (value) => [`a body of ${value}`, `"responseObject":${value}`],
    ),
  ])('refuses %s', (_, members) => {
    expect(accepts(members ?? '')).toBe(false);
  });

  it.each([
    '0',
    '-0',
    '1.5e-10',
    '1E400',
    '7'.repeat(2000),
    'true',
    'false',
    '""',
    '[]',
    '{}',
    '[[],{}]',
    '[1,"a",{"b":[]}]',
  ])('takes a body of %s', (value) => {
    expect(accepts(`"requestObject":${value},"verb":"get"`)).toBe(true);
  });

  it('takes what a body may hold beside the fields of an event', () => {
    expect(
      accepts(
        '"requestObject":{"":1,"a":1,"a":2,"__proto__":{},"kind":"x","annotations":[],"\\u0061":"\\ud800","stageTimestamp":5}',
      ),
    ).toBe(true);
  });

  it.each([10, 1_023, 1_024, 1_025, 10_000, 100_000])('takes bodies of depth %d', (depth) => {
    const nested = `${'[{"a":'.repeat(depth / 2)}1${'}]'.repeat(depth / 2)}`;

    expect(accepts(`"requestObject":${nested}`)).toBe(true);
    expect(accepts(`"requestObject":${nested.slice(0, -1)}`)).toBe(false);
    expect(accepts(`"requestObject":${nested}]`)).toBe(false);
  });

  it('finds the end of strings of every length, at every place, in front of every kind of end', () => {
    for (let length = 0; length < 40; length += 1) {
      const text = '\u00e9'.repeat(length % 3) + 'x'.repeat(length);
      expect(accepts(`"verb":"${text}"`)).toBe(true);
      expect(accepts(`"verb":"${text}\\\\"`)).toBe(true);
      expect(accepts(`"verb":"${text}\\"y\\u00e9"`)).toBe(true);
      expect(accepts(`"verb":"${text}\u001f"`)).toBe(false);
      expect(accepts(`"verb":"${text}\u007f\u0080!"`)).toBe(true);
    }
  });

  it('takes as many annotations as fields can hold', () => {
    const annotations = (count: number): string =>
      `"annotations":{${Array.from({ length: count }, (_, i) => `"k${i}":"v"`).join(',')}}`;

    expect(accepts(annotations(MAX_ANNOTATIONS))).toBe(true);
    expect(fields.annotationCount).toBe(MAX_ANNOTATIONS);
    expect(accepts(annotations(MAX_ANNOTATIONS + 1))).toBe(false);
  });

  it('does not take an object for one that it has met before and that differs in one byte', () => {
    const user = '{"username":"system:serviceaccount:kube-system:a","uid":"1234","groups":["system:a","b"]}';
    const line = Buffer.from(`{${HEAD},"user":${user},"verb":"get","stage":"Panic"}`);
    const start = line.indexOf(user);

    for (let at = start; at < start + user.length; at += 1) {
      const other = Buffer.from(line);
      other[at] = 0x7a;
      // Twice the user as it was, so that it is remembered for sure.
      expect(scanLine(line, 0, line.length, fields)).toBe(line.length);
      expect(scanLine(line, 0, line.length, fields)).toBe(line.length);
      expect(valueOf(line, 'userUid')).toBe('"1234"');
      if (scanLine(other, 0, other.length, fields) >= 0) expectFieldsOf(other);
    }
  });
});
