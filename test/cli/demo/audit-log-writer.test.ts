import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { mkdtemp, readdir, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Clock } from '../../../agent/clock.ts';
import { AuditLogWriter, type AuditLogWriterOptions } from '../../../agent/cli/demo/audit-log-writer.ts';

const START_MS = Date.UTC(2026, 10, 21, 17, 3, 0, 123);

let directory: string;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'audit-writer-'));
});

afterEach(() => rm(directory, { recursive: true }));

/** Time that passes only when somebody waits. */
function steppingClock(): Clock {
  let passedMs = 0;
  return {
    nowMs: () => START_MS + passedMs,
    monotonicMs: () => passedMs,
    delay: (ms) => {
      passedMs += ms;
      return Promise.resolve();
    },
  };
}

function writer(options: Partial<AuditLogWriterOptions> = {}): AuditLogWriter {
  return new AuditLogWriter({
    directory,
    seed: 7,
    eventsPerSecond: 100,
    maxFileBytes: 1024 ** 2,
    maxBackups: 100,
    clock: steppingClock(),
    ...options,
  });
}

/** All lines of backups, oldest first, then of the live file. */
async function linesOnDisk(): Promise<string[]> {
  const names = (await readdir(directory)).filter((name) => name !== 'audit.log').sort();
  const texts = await Promise.all(
    [...names, 'audit.log'].map((name) => readFile(join(directory, name), 'utf8')),
  );
  return texts.flatMap((text) => text.split('\n').slice(0, -1));
}

describe('the audit log writer', () => {
  it('writes whole audit events, one a line, with increasing times', async () => {
    const log = writer();
    for (let index = 0; index < 500; index++) await log.writeEvent();
    await log.close();

    const lines = await linesOnDisk();
    const events = lines.map((line) => JSON.parse(line) as Record<string, unknown>);
    expect(events).toHaveLength(500);
    for (const event of events) {
      expect(event).toMatchObject({ kind: 'Event', apiVersion: 'audit.k8s.io/v1' });
      expect(event['auditID']).toMatch(
        /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/,
      );
      expect(event['stageTimestamp']).toMatch(/^2026-11-21T17:03:00\.\d{6}Z$/);
    }
    expect(new Set(events.map((event) => event['auditID'])).size).toBe(500);
    expect(new Set(events.map((event) => event['level']))).toEqual(new Set(['Metadata', 'RequestResponse']));
    expect(lines.some((line) => line.includes('\\u0026'))).toBe(true);
    expect(lines.some((line) => line.includes('&'))).toBe(false);
  });

  it('writes the same for the same seed and time, and something else for another seed', async () => {
    const contents: string[] = [];
    for (const seed of [1, 1, 2]) {
      await rm(join(directory, 'audit.log'), { force: true });
      const log = writer({ seed });
      for (let index = 0; index < 20; index++) await log.writeEvent();
      await log.close();
      contents.push(await readFile(log.path, 'utf8'));
    }

    expect(contents[0]).toBe(contents[1]);
    expect(contents[0]).not.toBe(contents[2]);
  });

  it('rotates by renaming to the UTC time, loses no line, and gives every file to its owner only', async () => {
    const log = writer({ maxFileBytes: 10_000 });
    for (let index = 0; index < 200; index++) await log.writeEvent();
    await log.close();

    const names = (await readdir(directory)).sort();
    expect(names).toContain('audit-2026-11-21T17-03-00.123.log');
    expect(names).toContain('audit-2026-11-21T17-03-00.124.log');
    expect(names).toHaveLength(log.written.rotations + 1);
    expect(log.written.rotations).toBeGreaterThan(5);
    expect(await linesOnDisk()).toHaveLength(200);
    for (const name of names) {
      const { mode, size } = await stat(join(directory, name));
      expect(mode & 0o777).toBe(0o600);
      expect(size).toBeLessThanOrEqual(10_000);
    }
  });

  it('keeps no more backups than it may', async () => {
    const log = writer({ maxFileBytes: 5000, maxBackups: 2 });
    for (let index = 0; index < 100; index++) await log.writeEvent();
    await log.close();

    expect(await readdir(directory)).toHaveLength(3);
  });

  it('writes at the given rate until it is told to stop, and then all that it counted is on disk', async () => {
    const clock = steppingClock();
    const controller = new AbortController();
    const log = writer({
      clock: {
        ...clock,
        delay: (ms, signal) => {
          if (clock.monotonicMs() >= 10_000) controller.abort();
          return clock.delay(ms, signal);
        },
      },
    });

    await log.run(controller.signal);
    await log.close();

    expect(log.written.events).toBe(1000);
    expect(await linesOnDisk()).toHaveLength(1000);
    expect((await stat(log.path)).size).toBe(log.written.bytes);
  });
});
