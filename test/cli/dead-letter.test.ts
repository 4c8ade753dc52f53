import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { appendFile, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemClock } from '../../agent/clock.ts';
import { DeadLetterStore } from '../../agent/sink/dead-letter/dead-letter-store.ts';
import { silentTelemetry } from '../../agent/telemetry/events.ts';
import { runCommand, type CommandResult } from '../support/command-rig.ts';

const LABELS = { log: 'api', sink: 'out' };
const RANGE = { file: '/var/log/audit.log', fingerprint: 'f'.repeat(64), start: 10, end: 30 };

let directory: string;
let config: string;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'cli-dead-letter-'));
  config = join(directory, 'config.yaml');
  await writeFile(
    config,
    `stateDir: ${directory}\nlogs: [{ name: api, path: /a }]\nsinks: [{ name: out, type: plain, path: /out }]\n`,
  );
});

afterEach(() => rm(directory, { recursive: true }));

function list(...options: readonly string[]): Promise<CommandResult> {
  return runCommand(['dead-letter', 'list', '--config', config, ...options]);
}

async function writeLetters(...letters: readonly { reason: string; line?: Buffer }[]): Promise<void> {
  const store = await DeadLetterStore.open({
    directory: join(directory, 'dead-letter'),
    maxBytes: 1024 ** 3,
    telemetry: silentTelemetry,
    clock: { ...systemClock, nowMs: () => Date.UTC(2026, 10, 21) },
  });
  const entries = letters.map(({ reason, line }, index) => ({
    reason,
    detail: 'said by the server: planted-detail',
    range: { ...RANGE, start: index * 100, end: index * 100 + 20 },
    ...(line === undefined ? {} : { line }),
  }));
  await store.write(LABELS, entries, new AbortController().signal);
}

describe('dead-letter list', () => {
  it('says that there are none before any agent has run', async () => {
    expect(await list()).toEqual({ exitCode: 0, out: '0 dead letters\n', err: '' });
    expect(JSON.parse((await list('--json')).out)).toEqual([]);
  });

  it('gives the letters as a JSON array of the documented objects', async () => {
    await writeLetters(
      { reason: 'mapper_exception', line: Buffer.from('{"kind":"Event"}') },
      { reason: 'oversize' },
    );

    const { exitCode, out } = await list('--json');

    expect(exitCode).toBe(0);
    expect(JSON.parse(out)).toEqual([
      {
        sink: 'out',
        log: 'api',
        reason: 'mapper_exception',
        range: { ...RANGE, start: 0, end: 20 },
        time: '2026-11-21T00:00:00.000Z',
        line: '{"kind":"Event"}',
      },
      expect.objectContaining({ reason: 'oversize', line: expect.stringContaining('20 bytes not kept') }),
    ]);
  });

  it('shows an undecodable line, and the words of the server, only with --raw', async () => {
    await writeLetters({ reason: 'json', line: Buffer.from('planted-secret') });

    const masked = await list('--json');
    const raw = await list('--json', '--raw');

    expect(masked.out).not.toContain('planted');
    expect(masked.out).toContain('14 bytes not shown');
    expect(JSON.parse(raw.out)).toEqual([
      expect.objectContaining({ line: 'planted-secret', detail: 'said by the server: planted-detail' }),
    ]);
  });

  it('prints for people without terminal escapes, shortened unless raw', async () => {
    const line = Buffer.from(`\u001b]0;owned\u0007${'x'.repeat(1000)}`);
    await writeLetters({ reason: 'refused', line });

    const { out } = await list();

    expect(out).toContain('2026-11-21T00:00:00.000Z  api -> out  refused  /var/log/audit.log bytes 0-20\n');
    expect(out).toContain('\\u001b]0;owned\\u0007xxx');
    expect(out.split('\n').filter((one) => /\p{Cc}/u.test(one))).toEqual([]);
    expect(out).toContain('…\n1 dead letter\n');
    expect((await list('--raw')).out).toContain('x'.repeat(1000));
  });

  it('shows a line that is no UTF-8 as text', async () => {
    await writeLetters({ reason: 'refused', line: Buffer.from([0x61, 0xff, 0x62]) });

    expect(JSON.parse((await list('--json')).out)).toEqual([expect.objectContaining({ line: 'a\ufffdb' })]);
  });

  it('leaves out a torn line and says so', async () => {
    await writeLetters({ reason: 'refused', line: Buffer.from('a') });
    await appendFile(join(directory, 'dead-letter', 'api.out.ndjson'), '{"version":1,"time"');

    const { exitCode, out, err } = await list('--json');

    expect(exitCode).toBe(0);
    expect(JSON.parse(out)).toHaveLength(1);
    expect(err).toMatch(/api\.out\.ndjson: a line that is no dead letter was left out/);
  });

  it('ends with 1 where the directory cannot be read', async () => {
    await writeFile(join(directory, 'dead-letter'), 'a file');

    const { exitCode, err } = await list();

    expect(exitCode).toBe(1);
    expect(err).toMatch(/^error: ENOTDIR.*\(ENOTDIR\)\n$/);
  });
});
