import { describe, expect, it } from '@jest/globals';
import { DocumentWriter } from '../../agent/document/document-writer.ts';

function written(write: (out: DocumentWriter) => void): string {
  const out = new DocumentWriter();
  const target = Buffer.alloc(200, '#');
  out.begin(target, 5);
  write(out);
  return target.toString('latin1', 5, out.at);
}

describe('document writer', () => {
  it.each([
    0,
    7,
    10,
    99,
    1000,
    2 ** 30 - 1,
    2 ** 30,
    2 ** 31,
    2 ** 32,
    10 ** 12,
    10 ** 15 - 1,
    Number.MAX_SAFE_INTEGER,
  ])('writes the integer %d', (value) => {
    expect(written((out) => out.integer(value))).toBe(String(value));
  });

  it('leaves nothing of an object or array without members', () => {
    const name = Buffer.from(',"x":');

    expect(written((out) => out.closeObject(out.open(name), name))).toBe('');
    expect(written((out) => out.closeArray(out.open(name), name))).toBe('');
  });

  it('turns the first comma of an object or array into what opens it', () => {
    const name = Buffer.from(',"x":');
    const member = Buffer.from(',1');
    const list = written((out) => {
      const opened = out.open(name);
      out.literal(member);
      out.literal(member);
      out.closeArray(opened, name);
    });

    expect(list).toBe(',"x":[1,1]');
  });

  it.each([0, 1, 39, 40, 41, 150])('copies %d bytes', (length) => {
    const bytes = Buffer.from(Array.from({ length: length + 2 }, (_, index) => 48 + (index % 60)));

    expect(written((out) => out.copy(bytes, 1, 1 + length))).toBe(bytes.toString('latin1', 1, 1 + length));
  });
});
