import { describe, expect, it } from '@jest/globals';
import * as z from 'zod';
import { elasticsearchSchema } from '../../../agent/sink/elasticsearch/config.ts';

const LEAST = { name: 'siem', type: 'elasticsearch', url: 'https://es.example:9200' };

function problemsOf(settings: object): string[] {
  const result = z.safeParse(elasticsearchSchema, { ...LEAST, ...settings });
  return result.success
    ? []
    : result.error.issues.map(({ path, message }) => `${path.join('.')}: ${message}`);
}

describe('the settings of an Elasticsearch sink', () => {
  it('have the documented defaults', () => {
    expect(z.parse(elasticsearchSchema, LEAST)).toEqual({
      name: 'siem',
      type: 'elasticsearch',
      url: ['https://es.example:9200'],
      tls: { insecureSkipVerify: false },
      dataStream: 'logs-kubernetes.audit_logs-default',
      compression: 'gzip',
      batch: { maxBytes: 4 * 1024 * 1024, maxEvents: 2000, maxAgeMs: 1000 },
      maxInFlight: 2,
      requestTimeoutMs: 60_000,
      retentionDays: 90,
    });
  });

  it('take a list of URLs, each once', () => {
    const url = ['https://a:9200', 'https://b:9200', 'https://a:9200'];

    expect(z.parse(elasticsearchSchema, { ...LEAST, url }).url).toEqual(['https://a:9200', 'https://b:9200']);
  });

  it.each([
    [{ url: 'es.example:9200' }, 'url'],
    [{ url: 'ftp://es.example' }, 'url'],
    [{ url: 'https://elastic:changeme@es.example' }, 'url'],
    [{ url: 'https://es.example/?pretty' }, 'url'],
    [{ url: [] }, 'url'],
    [{ dataStream: 'audit' }, 'dataStream'],
    [{ dataStream: 'Logs-a-b' }, 'dataStream'],
    [{ compression: 'zstd' }, 'compression'],
    [{ proxyUrl: 'socks5://proxy' }, 'proxyUrl'],
    [{ requestTimeoutMs: 0 }, 'requestTimeoutMs'],
    [{ maxInFlight: 0 }, 'maxInFlight'],
    [{ username: 'agent' }, ''],
    [{ apiKeyFile: '/a', bearerTokenFile: '/b' }, ''],
    [{ index: 'audit' }, ''],
  ])('refuse %j', (settings, path) => {
    const problems = problemsOf(settings);

    expect(problems).toHaveLength(1);
    expect(problems[0]?.startsWith(path)).toBe(true);
    expect(problems.join()).not.toContain('changeme');
  });
});
