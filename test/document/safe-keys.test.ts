import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import { hasSafeKeys, isSafeKey, withSafeKeys } from '../../agent/document/safe-keys.ts';

function judged(text: string): boolean {
  const bytes = Buffer.from(`,${text},`);
  return hasSafeKeys(bytes, 1, bytes.length - 1);
}

const REFUSED = [
  '',
  '.',
  '..',
  ' ',
  '\u00a0',
  '\u3000',
  'a.',
  '.a',
  'a..b',
  'a. .b',
  'authentication',
  'authentication.kubernetes',
  'a.authentication',
  'a.b.kubernetes',
  'a\ud800',
  'authentication.kubernetes.io/pod-name.x',
  'x'.repeat(60_000),
  'a.'.repeat(300),
];

const TAKEN = [
  'scopes',
  'arn',
  'authentication.kubernetes.io/pod-name',
  'authentication.example.com',
  'attestation.authentication.kubernetes.io/x',
  'authentications',
  'ключ',
  'a b',
];

describe('keys of an attacker’s choice', () => {
  it.each(REFUSED)('are not called safe where a server refuses them: %j', (key) => {
    expect(isSafeKey(key)).toBe(false);
    expect(judged(JSON.stringify({ ok: ['1'], [key]: ['2'] }))).toBe(false);
  });

  it.each(TAKEN)('stay as they are where a server takes them: %j', (key) => {
    expect(isSafeKey(key)).toBe(true);
    expect(withSafeKeys([[key, 1]])).toEqual([[key, 1]]);
  });

  it('are judged quickly for what Kubernetes itself writes', () => {
    const extra = {
      'authentication.kubernetes.io/credential-id': ['JTI=7'],
      'authentication.kubernetes.io/pod-name': ['web-0', 'with " and \\ inside'],
      'authentication.kubernetes.io/pod-uid': [],
    };

    expect(judged(JSON.stringify(extra))).toBe(true);
    expect(judged('{}')).toBe(true);
  });

  it.each(['{"a":"b"}', '{"a":[1]}', '{"a":[["b"]]}', '{"a":{}}', '{"a":null}', '[]', '{"a" :["b"]}'])(
    'are left to the careful way where the object is no usual one: %s',
    (text) => {
      expect(judged(text)).toBe(false);
    },
  );

  it('are told apart after they were renamed, and no safe key gives way', () => {
    const renamed = withSafeKeys([
      ['.', 1],
      ['_', 2],
      ['', 3],
      ['__', 4],
      ['..', 5],
    ]);

    expect(renamed.map(([, value]) => value)).toEqual([1, 2, 3, 4, 5]);
    expect(new Set(renamed.map(([key]) => key)).size).toBe(5);
    expect(renamed).toContainEqual(['_', 2]);
    expect(renamed).toContainEqual(['__', 4]);
  });

  it('become safe and distinct whatever they are, and the quick look never says yes to more than the careful one', () => {
    const key = fc.oneof(
      fc.string({ unit: fc.constantFrom('.', '_', ' ', 'a', '"', '\\', '\u00a0', 'é', '/') }),
      fc.string({ unit: 'binary' }),
      fc.constantFrom(...REFUSED.filter((one) => one.length < 100), ...TAKEN),
    );
    fc.assert(
      fc.property(fc.uniqueArray(key, { minLength: 1 }), (keys) => {
        const renamed = withSafeKeys(keys.map((one) => [one, 0] as const)).map(([one]) => one);
        expect(new Set(renamed).size).toBe(keys.length);
        expect(renamed.filter((one) => !isSafeKey(one) && !/_\d+$/.test(one))).toEqual([]);
        const text = JSON.stringify(Object.fromEntries(keys.map((one) => [one, ['v']])));
        if (judged(text)) expect(keys.every((one) => isSafeKey(one))).toBe(true);
      }),
      { numRuns: 2000 },
    );
  });

  it('cost no more when thousands of them become the same', () => {
    const keys = Array.from({ length: 50_000 }, (_, index) => String.fromCodePoint(0x10000 + index));

    const renamed = withSafeKeys(keys.map((key) => [`.${key}`, 0] as const));

    expect(new Set(renamed.map(([key]) => key)).size).toBe(keys.length);
  }, 20_000);
});
