import { describe, expect, it } from '@jest/globals';
import { parseLogFileName } from '../../agent/log/file-name.ts';

describe('names of log files', () => {
  it('reads the rotation time of the backups that the API server makes', () => {
    const rotatedAtMs = Date.UTC(2026, 10, 20, 17, 3, 0, 123);
    const backup = { live: false, key: 'audit-2026-11-20T17-03-00.123.log', rotatedAtMs };

    expect(parseLogFileName('audit.log', 'audit-2026-11-20T17-03-00.123.log')).toEqual({
      ...backup,
      compressed: false,
    });
    expect(parseLogFileName('audit.log', 'audit-2026-11-20T17-03-00.123.log.gz')).toEqual({
      ...backup,
      compressed: true,
    });
  });

  it('takes the extension from the last dot, and knows names without one', () => {
    expect(parseLogFileName('a.b.log', 'a.b-2026-11-20T17-03-00.123.log')?.rotatedAtMs).toBeDefined();
    expect(parseLogFileName('audit', 'audit-2026-11-20T17-03-00.123')?.rotatedAtMs).toBeDefined();
  });

  it.each([
    'audit.log.1',
    'audit.log.2.gz',
    'audit.log-20261121',
    'audit.log-20261121.gz',
    'audit.log-20261121-1790000000',
    'audit.1.log',
    'audit-20261121.log.gz',
  ])('knows %s, which another tool has rotated', (name) => {
    expect(parseLogFileName('audit.log', name)).toMatchObject({ live: false, rotatedAtMs: undefined });
  });

  it.each([
    'audit.log.gz.tmp',
    'audit.log.1.swp',
    'audit-2.log',
    'audit-policy.log',
    'audit.log.bak',
    'xaudit.log',
    'audit.log.',
    'audit-2026-11-20T17-03-00.log',
    '.log',
    'audit',
  ])('does not take %s for a file of the log', (name) => {
    expect(parseLogFileName('audit.log', name)).toBeUndefined();
  });
});
