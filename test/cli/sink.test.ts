import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { InvariantError, SinkSetupError } from '../../agent/errors.ts';
import type { AdminCredentials, SinkAdmin, SinkDefinition } from '../../agent/sink/definition.ts';
import { runCommand, type CommandResult } from '../support/command-rig.ts';
import { exampleSink, plainSink } from '../support/example-sinks.ts';

let directory: string;
let file: string;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'cli-sink-'));
  file = join(directory, 'config.yaml');
  await writeFile(
    file,
    'logs: [{ name: api, path: /a }]\nsinks:\n  - { name: siem, type: example, url: "http://h" }\n  - { name: out, type: plain, path: /out }\n',
  );
});

afterAll(() => rm(directory, { recursive: true }));

class ScriptedAdmin implements SinkAdmin {
  closed = 0;
  verdict: 'ok' | 'warn' | 'fail' = 'ok';
  failure: Error | undefined;

  plan() {
    return [
      { name: 'index template', method: 'PUT' as const, path: '/_index_template/x', body: { priority: 150 } },
    ];
  }

  setup() {
    return Promise.resolve([
      { step: 'index template', status: 'created' as const, detail: '' },
      {
        step: 'lifecycle',
        status: this.verdict === 'fail' ? ('failed' as const) : ('unavailable' as const),
        detail: 'no',
      },
    ]);
  }

  check() {
    if (this.failure !== undefined) return Promise.reject(this.failure);
    return Promise.resolve([{ name: 'reachable', verdict: this.verdict, detail: 'version \u001b[31m9.5.0' }]);
  }

  close() {
    this.closed += 1;
    return Promise.resolve();
  }
}

function run(admin: SinkAdmin, ...args: readonly string[]): Promise<CommandResult> {
  return runCommand(['sink', ...args, '--config', file], { definitions: [exampleSink(admin), plainSink] });
}

describe('sink check', () => {
  it('prints what was found in each sink as a table, without escapes of the server', async () => {
    const admin = new ScriptedAdmin();

    const { exitCode, out } = await run(admin, 'check');

    expect(exitCode).toBe(0);
    expect(out).toBe(
      'SINK  CHECK      RESULT  DETAIL\nsiem  reachable  ok      version \\u001b[31m9.5.0\n' +
        'out: a sink of type plain needs nothing on a server\n',
    );
    expect(admin.closed).toBe(1);
  });

  it('ends with 1 if something fails, and with 0 at a warning', async () => {
    const admin = new ScriptedAdmin();

    admin.verdict = 'warn';
    expect((await run(admin, 'check')).exitCode).toBe(0);
    admin.verdict = 'fail';

    expect((await run(admin, 'check')).exitCode).toBe(1);
  });

  it('gives the findings as JSON', async () => {
    const { out } = await run(new ScriptedAdmin(), 'check', '--json', '--sink', 'siem');

    expect(JSON.parse(out)).toEqual([
      {
        sink: 'siem',
        type: 'example',
        findings: [{ name: 'reachable', verdict: 'ok', detail: 'version \u001b[31m9.5.0' }],
      },
    ]);
  });

  it('reports a sink that cannot be looked at as failed, with the cause', async () => {
    const admin = new ScriptedAdmin();
    admin.failure = new SinkSetupError('no answer', { cause: new Error('ECONNREFUSED') });

    const { exitCode, out } = await run(admin, 'check');

    expect(exitCode).toBe(1);
    expect(out).toMatch(/siem +check +fail +no answer: ECONNREFUSED/);
    expect(admin.closed).toBe(1);
  });

  it('hides no bug', async () => {
    const admin = new ScriptedAdmin();
    admin.failure = new InvariantError('a bug');

    await expect(run(admin, 'check')).rejects.toThrow('a bug');
  });

  it('names the sinks there are where the one asked for is not', async () => {
    const { exitCode, err } = await run(new ScriptedAdmin(), 'check', '--sink', 'nope');

    expect(exitCode).toBe(2);
    expect(err).toBe('error: no sink is called "nope"; there are: siem, out (USAGE)\n');
  });
});

describe('sink setup', () => {
  it('prints what it did; what a server lacks is no failure', async () => {
    const { exitCode, out } = await run(new ScriptedAdmin(), 'setup');

    expect(exitCode).toBe(0);
    expect(out).toMatch(/siem +index template +created\nsiem +lifecycle +unavailable +no\n/);
  });

  it('ends with 1 when a step failed', async () => {
    const admin = new ScriptedAdmin();
    admin.verdict = 'fail';

    expect((await run(admin, 'setup', '--json')).exitCode).toBe(1);
  });

  it('only prints the requests as JSON with --print', async () => {
    const { exitCode, out } = await run(new ScriptedAdmin(), 'setup', '--print');

    expect(exitCode).toBe(0);
    expect(JSON.parse(out)).toEqual([
      {
        sink: 'siem',
        name: 'index template',
        method: 'PUT',
        path: '/_index_template/x',
        body: { priority: 150 },
      },
    ]);
  });

  it('hands over the credentials of the command line', async () => {
    const seen: AdminCredentials[] = [];
    const sink: SinkDefinition = {
      ...exampleSink(),
      admin: (_settings, _context, credentials) => {
        seen.push(credentials);
        return Promise.resolve(new ScriptedAdmin());
      },
    };
    const base = ['sink', 'setup', '--config', file, '--sink', 'siem'];
    const definitions = [sink, plainSink];

    await runCommand([...base, '--api-key-file', '/k'], { definitions });
    await runCommand([...base, '--username', 'elastic', '--password-file', '/p'], { definitions });
    await runCommand(base, { definitions });

    expect(seen).toEqual([{ apiKeyFile: '/k' }, { username: 'elastic', passwordFile: '/p' }, {}]);
  });

  it.each([
    ['--username and --password-file belong together', ['--username', 'u']],
    ['give either --api-key-file or', ['--api-key-file', '/k', '--username', 'u', '--password-file', '/p']],
  ])('refuses credentials that do not fit: %s', async (message, options) => {
    const { exitCode, err } = await run(new ScriptedAdmin(), 'setup', ...options);

    expect(exitCode).toBe(2);
    expect(err).toContain(message);
  });

  it('names the problems of the configuration', async () => {
    const bad = join(directory, 'bad.yaml');
    await writeFile(bad, 'sinks: 5\n');

    const { exitCode, err } = await runCommand(['sink', 'setup', '--config', bad]);

    expect(exitCode).toBe(2);
    expect(err).toContain(`${bad}:1: sinks: expected a list, got 5\n`);
  });
});
