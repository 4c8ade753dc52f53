import { describe, expect, it } from '@jest/globals';
import { proxyFor } from '../../../agent/sink/bulk/proxy.ts';

const PROXY = 'http://proxy.example:3128';

function viaProxy(url: string, noProxy: string): boolean {
  const env = { HTTPS_PROXY: PROXY, HTTP_PROXY: PROXY, NO_PROXY: noProxy };
  return proxyFor(new URL(url), { proxyUrl: undefined, env }) !== undefined;
}

describe('proxyFor', () => {
  it('connects directly where nothing is configured', () => {
    expect(proxyFor(new URL('https://es.example'), { proxyUrl: undefined, env: {} })).toBeUndefined();
  });

  it('prefers the configured proxy to the environment, whatever NO_PROXY says', () => {
    const env = { HTTPS_PROXY: 'http://other:1', NO_PROXY: '*' };

    expect(proxyFor(new URL('https://es.example'), { proxyUrl: PROXY, env })).toBe(PROXY);
  });

  it('takes the variable of the scheme, in either case, with or without a scheme of its own', () => {
    const env = { https_proxy: 'secure.example:3128', HTTP_PROXY: PROXY };
    const options = { proxyUrl: undefined, env };

    expect(proxyFor(new URL('https://es.example'), options)).toBe('http://secure.example:3128');
    expect(proxyFor(new URL('http://es.example'), options)).toBe(PROXY);
  });

  it.each([
    ['https://es.example', 'es.example'],
    ['https://es.example', 'localhost, .example'],
    ['https://a.es.example:9200', 'es.example'],
    ['https://es.example:9200', 'es.example:9200'],
    ['https://es.example', 'es.example:443'],
    ['https://es.example', '*.example'],
    ['https://es.example', '*'],
    ['https://10.1.2.3:9200', '10.0.0.0/8'],
    ['https://10.1.2.3', '10.1.2.3'],
    ['https://[fd00::1]:9200', 'fd00::/8'],
    ['https://[fd00::1]:9200', 'fd00::1'],
    ['https://[fd00::1]:9200', '[fd00::1]:9200'],
  ])('goes to %s directly when NO_PROXY is %s', (url, noProxy) => {
    expect(viaProxy(url, noProxy)).toBe(false);
  });

  it.each([
    ['https://es.example', ''],
    ['https://notes.example', 'es.example'],
    ['https://es.example:9200', 'es.example:9201'],
    ['https://11.1.2.3', '10.0.0.0/8'],
    ['https://es.example', '10.0.0.0/8'],
    ['https://10.1.2.3', '10.0.0.0/99'],
  ])('goes to %s through the proxy when NO_PROXY is "%s"', (url, noProxy) => {
    expect(viaProxy(url, noProxy)).toBe(true);
  });
});
