import { describe, expect, it } from '@jest/globals';
import { formatByteSize, parseByteSize } from '../../agent/config/units.ts';

describe('sizes', () => {
  it.each([
    ['1024', 1024],
    ['64MiB', 64 * 1024 ** 2],
    ['4.5 GB', 4_500_000_000],
    ['1kB', 1000],
    [' 2GiB ', 2 * 1024 ** 3],
    ['0.5B', 0],
  ])('reads %j as %d bytes', (text, bytes) => {
    expect(parseByteSize(text)).toBe(bytes);
  });

  it.each(['', 'MiB', '64 Mib', '-1', '1e9', '0x10', '9999999TiB', '1 2', 'constructor', '5toString'])(
    'takes %j for no size',
    (text) => {
      expect(parseByteSize(text)).toBeUndefined();
    },
  );

  it.each([
    [0, '0 B'],
    [1023, '1023 B'],
    [3.4 * 1024 ** 2, '3.4 MiB'],
    [64 * 1024 ** 2, '64 MiB'],
    [5000 * 1024 ** 4, '5000 TiB'],
  ])('shows %d bytes as %j', (bytes, text) => {
    expect(formatByteSize(bytes)).toBe(text);
  });
});
