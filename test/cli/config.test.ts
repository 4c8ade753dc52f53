import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { runCommand } from '../support/command-rig.ts';

const GOOD = 'logs: [{ name: api, path: /a }]\nsinks: [{ name: out, type: plain, path: /out }]\n';

let directory: string;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'cli-config-'));
});

afterAll(() => rm(directory, { recursive: true }));

async function fileWith(text: string): Promise<string> {
  const file = join(directory, 'config.yaml');
  await writeFile(file, text);
  return file;
}

describe('config check', () => {
  it('says that a file is fine', async () => {
    const file = await fileWith(GOOD);

    expect(await runCommand(['config', 'check', file])).toEqual({
      exitCode: 0,
      out: `${file}: ok\n`,
      err: '',
    });
    expect(JSON.parse((await runCommand(['config', 'check', '--json', file])).out)).toEqual({
      file,
      valid: true,
      problems: [],
    });
  });

  it('prints one line a problem with file and line, and ends with 2', async () => {
    const file = await fileWith(`stateDir: x\nnode: {}\nunknown: 1\n${GOOD}logs2: 1\n`);

    const { exitCode, out, err } = await runCommand(['config', 'check', file]);

    expect([exitCode, out]).toEqual([2, '']);
    const lines = err.trimEnd().split('\n');
    expect(lines).toHaveLength(3);
    expect(lines[0]).toBe(`${file}:1: stateDir: expected an absolute path, from "/", got "x"`);
    expect(lines[2]).toBe(`${file}:6: logs2: is no setting; did you mean "logs"?`);
  });

  it('gives the problems as JSON, also with 2', async () => {
    const file = await fileWith('sinks: []\n');

    const { exitCode, out } = await runCommand(['config', 'check', file, '--json']);

    expect(exitCode).toBe(2);
    expect(JSON.parse(out)).toEqual({
      file,
      valid: false,
      problems: [
        { path: 'sinks', line: 1, problem: 'needs at least 1 entry, got a list' },
        { path: 'logs', problem: 'is required: expected a list' },
      ],
    });
  });

  it('prints no secret and no terminal escape of the file', async () => {
    const file = await fileWith(
      `${GOOD}cluster: { name: 5 }\n"a\\u001b[31m": planted-1\nx:\n  - &a planted-2\nstateDir: "\\u001b[2J\\u202e"\n`,
    );

    const { err, exitCode } = await runCommand(['config', 'check', file]);

    expect(exitCode).toBe(2);
    expect(err).toContain('\\u001b[2J\\u202e');
    expect(err.split('\n').filter((line) => /\p{Cc}/u.test(line))).toEqual([]);
    expect(err).not.toContain('planted');
  });

  it('needs a file', async () => {
    const { exitCode, err } = await runCommand(['config', 'check']);

    expect(exitCode).toBe(2);
    expect(err).toContain("missing required argument 'file'");
  });
});

describe('config schema', () => {
  it('prints a JSON Schema that knows the given sinks', async () => {
    const { exitCode, out } = await runCommand(['config', 'schema']);

    expect(exitCode).toBe(0);
    const schema = JSON.parse(out) as {
      $schema: string;
      properties: { sinks: { items: { oneOf: unknown[] } } };
    };
    expect(schema.$schema).toContain('2020-12');
    expect(schema.properties.sinks.items.oneOf).toHaveLength(2);
  });
});
