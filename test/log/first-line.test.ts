import { describe, expect, it } from '@jest/globals';
import { createHash } from 'node:crypto';
import { assert, property, uint8Array, array, nat } from 'fast-check';
import { FirstLine, HEAD_BYTES } from '../../agent/log/first-line.ts';
import { fingerprintOf } from '../support/log-files.ts';

function take(...pieces: (string | Buffer)[]): FirstLine {
  const line = new FirstLine();
  for (const piece of pieces) line.push(Buffer.from(piece));
  return line;
}

describe('first line', () => {
  it('is the first non-empty run of bytes after NULs and line feeds, whatever it contains', () => {
    const line = take('\0\0\n\n\0{not json\0 at all}\nnext\n');

    expect(line.complete).toBe(true);
    expect(line.start).toBe(5);
    expect(line.fingerprint()).toBe(createHash('sha256').update('{not json\0 at all}').digest('hex'));
  });

  it('is not complete before its line feed', () => {
    const line = take('{"a":', '1}');
    expect(line.complete).toBe(false);

    line.push(Buffer.from('\n'));
    expect(line.complete).toBe(true);
    expect(line.fingerprint()).toBe(createHash('sha256').update('{"a":1}').digest('hex'));
  });

  it('is the same however the bytes are cut', () => {
    assert(
      property(
        uint8Array({ minLength: 1, maxLength: 60, max: 12 }),
        array(nat(60), { maxLength: 5 }),
        (bytes, cuts) => {
          const content = Buffer.concat([Buffer.from(bytes), Buffer.from('x\n')]);
          const places = [
            0,
            ...cuts.filter((cut) => cut < content.length).sort((a, b) => a - b),
            content.length,
          ];
          const line = new FirstLine();
          for (let i = 1; i < places.length; i += 1) line.push(content.subarray(places[i - 1], places[i]));

          expect(line.fingerprint()).toBe(fingerprintOf(content));
        },
      ),
    );
  });

  it('keeps no more than the head of a long line', () => {
    const line = take('x'.repeat(3_000), 'y'.repeat(1_000_000), '\n');

    expect(line.head.length).toBe(HEAD_BYTES);
    expect(line.length).toBe(1_003_000);
  });

  it('finds the stage time of the event, not one in its bodies, also across pieces', () => {
    const time = '2026-11-20T17:03:00.123456Z';
    const text = `{"requestObject":{"stageTimestamp":"2020-01-01T00:00:00.000000Z"},"a":"\\"stageTimestamp\\":\\"2021-01-01T00:00:00.000000Z\\"","stageTimestamp":"${time}","annotations":{}}\n`;
    const expected = Date.UTC(2026, 10, 20, 17, 3, 0, 123);
    for (let cut = 1; cut < text.length; cut += 1)
      expect(take(text.slice(0, cut), text.slice(cut)).stageMs).toBe(expected);

    const piecemeal = new FirstLine();
    for (const char of text) piecemeal.push(Buffer.from(char));
    expect(piecemeal.stageMs).toBe(expected);
  });
});
