import { describe, expect, it } from '@jest/globals';
import { nearest } from '../../agent/config/nearest.ts';

const KNOWN = ['apiKeyFile', 'apiKey', 'maxInFlight', 'url', 'tls'];

describe('the nearest name', () => {
  it.each([
    ['apikey', 'apiKey'],
    ['apiKeyfile', 'apiKeyFile'],
    ['maxInflihgt', 'maxInFlight'],
    ['urls', 'url'],
    ['TLS', 'tls'],
  ])('for %j is %j', (name, known) => {
    expect(nearest(name, KNOWN)).toBe(known);
  });

  it.each(['x', 'password', '', 'a'.repeat(10_000)])('for %.10j is none', (name) => {
    expect(nearest(name, KNOWN)).toBeUndefined();
  });
});
