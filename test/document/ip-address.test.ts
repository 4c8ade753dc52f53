import { isIPv4, isIPv6 } from 'node:net';
import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import { isIpAddress } from '../../agent/document/ip-address.ts';

function accepts(text: string): boolean {
  const bytes = Buffer.from(`12:${text}:34`);
  return isIpAddress(bytes, 3, bytes.length - 3);
}

describe('IP addresses', () => {
  it.each([
    '0.0.0.0',
    '255.255.255.255',
    '10.0.0.7',
    '::',
    '::1',
    '1::',
    '2001:db8::7',
    '2001:DB8:0:0:0:0:0:1',
    '1:2:3:4:5:6:7:8',
    '::ffff:10.0.0.1',
    '1:2:3:4:5:6:1.2.3.4',
    '1:2:3:4:5:6:7::',
    '::2:3:4:5:6:7:8',
  ])('are accepted: %s', (text) => {
    expect(accepts(text)).toBe(true);
  });

  it.each([
    '',
    '1',
    '1.2.3',
    '1.2.3.4.5',
    '256.1.1.1',
    '01.2.3.4',
    '1.2.3.',
    '.1.2.3',
    '1..2.3',
    '1.2.3.4 ',
    '10.0.0.7:8080',
    ':::',
    ':1',
    '1:',
    '1:2:3:4:5:6:7',
    '1:2:3:4:5:6:7:8:9',
    '1::2::3',
    '12345::',
    '::g',
    'fe80::1%eth0',
    '[::1]',
    '::1.2.3',
    '1:2:3:4:5:6:7:1.2.3.4',
    '1:2:3:4:5:6:7:8::',
    'unknown',
    '"',
  ])('are not made of anything else: %j', (text) => {
    expect(accepts(text)).toBe(false);
  });

  it('are never accepted where Node would not', () => {
    const part = fc.constantFrom(
      '0',
      '1',
      '12',
      '255',
      '256',
      'a',
      'ffff',
      '::',
      ':',
      '.',
      '%',
      '1.2.3.4',
      '01',
    );
    fc.assert(
      fc.property(
        fc.array(part, { minLength: 1, maxLength: 14 }),
        fc.constantFrom('', ':', '.'),
        (parts, joint) => {
          const text = parts.join(joint);
          const known = !text.includes('%') && (isIPv4(text) || isIPv6(text));
          expect(accepts(text)).toBe(known && text.length <= 45);
        },
      ),
      { numRuns: 20_000 },
    );
  });
});
