import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { loadConfig } from '../../agent/config/load.ts';
import type { Config } from '../../agent/config/schema.ts';
import { ConfigError, type ConfigProblem } from '../../agent/errors.ts';
import { exampleSink, plainSink } from '../support/example-sinks.ts';

const LOGS = 'logs: [{ name: api, path: /var/log/audit.log }]\n';
const SINKS = 'sinks: [{ name: out, type: plain, path: /out }]\n';

let directory: string;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'config-'));
});

afterAll(() => rm(directory, { recursive: true }));

interface Given {
  readonly env?: Readonly<Record<string, string>>;
}

async function load(text: string | Buffer, { env = {} }: Given = {}): Promise<Config> {
  const file = join(directory, 'config.yaml');
  await writeFile(file, text);
  return loadConfig({ file, env, definitions: [exampleSink(), plainSink], hostName: 'this-host' });
}

async function problemsOf(text: string | Buffer, given: Given = {}): Promise<readonly ConfigProblem[]> {
  const failure: unknown = await load(text, given).then(
    () => undefined,
    (error: unknown) => error,
  );
  expect(failure).toBeInstanceOf(ConfigError);
  return (failure as ConfigError).problems;
}

describe('loading a configuration', () => {
  it('fills in the documented defaults', async () => {
    const config = await load(LOGS + SINKS);

    expect(config).toEqual({
      cluster: {},
      node: { name: 'this-host' },
      stateDir: '/var/lib/kube-audit-agent',
      logs: [
        {
          name: 'api',
          path: '/var/log/audit.log',
          startAt: 'beginning',
          maxLineBytes: 64 * 1024 ** 2,
          maxReadBytesPerSecond: Number.POSITIVE_INFINITY,
        },
      ],
      sinks: [
        {
          name: 'out',
          type: 'plain',
          path: '/out',
          batch: { maxBytes: 4 * 1024 ** 2, maxEvents: 2000, maxAgeMs: 1000 },
        },
      ],
      deadLetter: { maxBytes: 1024 ** 3 },
      checkpointIntervalMs: 1000,
      shutdownTimeoutMs: 25_000,
      memory: { maxBufferedBytes: 96 * 1024 ** 2 },
      telemetry: { listen: { host: '0.0.0.0', port: 9464 }, logLevel: 'info' },
    });
  });

  it('puts environment variables into any text, and takes $${ for ${ itself', async () => {
    const config = await load(
      `cluster: { name: "\${A}-\${B}-$\${A}" }\nnode: { name: "\${B}" }\n${LOGS}${SINKS}`,
      {
        env: { A: 'prod', B: 'eu' },
      },
    );

    expect(config.cluster.name).toBe('prod-eu-${A}');
    expect(config.node.name).toBe('eu');
  });

  it('does not look for variables in what a variable holds', async () => {
    const config = await load(`cluster: { name: "\${A}" }\n${LOGS}${SINKS}`, { env: { A: '${B}', B: 'no' } });

    expect(config.cluster.name).toBe('${B}');
  });

  it('follows anchors and aliases', async () => {
    const config = await load(
      `${LOGS}sinks:\n  - { name: a, type: plain, path: /a, batch: &small { maxEvents: 5 } }\n  - { name: b, type: plain, path: /b, batch: *small }\n`,
    );

    expect(config.sinks.map((sink) => sink.batch.maxEvents)).toEqual([5, 5]);
  });

  it('reads addresses to listen on', async () => {
    const listens = ['127.0.0.1:0', '[::1]:9000', ':80', 'localhost:65535'];
    const configs = await Promise.all(
      listens.map(async (listen, index) => {
        const file = join(directory, `listen-${index}.yaml`);
        await writeFile(file, `telemetry: { listen: "${listen}" }\n${LOGS}${SINKS}`);
        return loadConfig({ file, env: {}, definitions: [plainSink], hostName: 'h' });
      }),
    );

    expect(configs.map((config) => config.telemetry.listen)).toEqual([
      { host: '127.0.0.1', port: 0 },
      { host: '::1', port: 9000 },
      { host: '0.0.0.0', port: 80 },
      { host: 'localhost', port: 65_535 },
    ]);
  });
});

describe('a configuration with problems', () => {
  it('has all of them named at once, with path, line and value', async () => {
    const problems = await problemsOf(
      [
        'cluster: { nmae: prod }',
        'node: { name: "${NOPE}" }',
        'stateDir: relative/dir',
        'logs:',
        '  - name: api',
        '    path: auto',
        '    startAt: start',
        '    maxLineBytes: 64Mib',
        '  - name: api',
        '    path: /a/b',
        '    maxReadBytesPerSecond: fast',
        'sinks:',
        '  - name: siem',
        '    type: exmaple',
        '    nothing: looked at',
        '  - name: siem',
        '    type: example',
        '    url: 5',
        '    batch: { maxBytes: 1, maxAgeMs: 1.5 }',
        '    tls:',
        '  - type: plain',
        'checkpointIntervalMs: "1000"',
        'telemetry: { listen: "9464", logLevel: inof }',
        'enrich: {}',
      ].join('\n'),
    );

    expect(problems).toEqual([
      { path: 'cluster.nmae', line: 1, problem: 'is no setting; did you mean "name"?' },
      { path: 'node.name', line: 2, problem: 'environment variable NOPE is not set' },
      { path: 'stateDir', line: 3, problem: 'expected an absolute path, from "/", got "relative/dir"' },
      {
        path: 'logs[0].path',
        line: 6,
        problem: 'the log cannot be found by itself; give its absolute path, got "auto"',
      },
      { path: 'logs[0].startAt', line: 7, problem: 'expected one of "beginning", "end", got "start"' },
      {
        path: 'logs[0].maxLineBytes',
        line: 8,
        problem: 'expected a size such as 64MiB (65536 to 1073741824 bytes), got "64Mib"',
      },
      { path: 'logs[1].name', line: 9, problem: '"api" is the name of logs[0] already' },
      {
        path: 'logs[1].maxReadBytesPerSecond',
        line: 11,
        problem: 'expected a size such as 64MiB (at least 65536 bytes), got "fast"',
      },
      {
        path: 'sinks[0].type',
        line: 14,
        problem: 'expected one of "example", "plain", got "exmaple"; did you mean "example"?',
      },
      { path: 'sinks[1].name', line: 16, problem: '"siem" is the name of sinks[0] already' },
      { path: 'sinks[1].url', line: 18, problem: 'expected text or a list, got 5' },
      {
        path: 'sinks[1].batch.maxBytes',
        line: 19,
        problem: 'expected a size such as 64MiB (65536 to 67108864 bytes), got 1',
      },
      { path: 'sinks[1].batch.maxAgeMs', line: 19, problem: 'expected a whole number, got 1.5' },
      { path: 'sinks[1].tls', line: 20, problem: 'expected a mapping, got nothing' },
      { path: 'checkpointIntervalMs', line: 22, problem: 'expected a number, got "1000"' },
      {
        path: 'telemetry.listen',
        line: 23,
        problem: 'expected an address and port such as 0.0.0.0:9464 or [::1]:9464, got "9464"',
      },
      {
        path: 'telemetry.logLevel',
        line: 23,
        problem: 'expected one of "debug", "info", "warn", "error", got "inof"; did you mean "info"?',
      },
      {
        path: 'enrich',
        line: 24,
        problem: expect.stringMatching(/^is no setting; known here: cluster, node, stateDir, logs, /),
      },
      { path: 'sinks[2].name', problem: 'is required: expected text' },
      { path: 'sinks[2].path', problem: 'is required: expected text' },
    ]);
  });

  it.each([
    ['', 'the file holds no settings'],
    ['# nothing\n', 'the file holds no settings'],
    ['- a\n', 'expected a mapping of settings such as "logs:"'],
    ['just text', 'expected a mapping of settings such as "logs:"'],
  ])('says that %j holds no settings', async (text, problem) => {
    expect(await problemsOf(text)).toEqual([{ path: '', problem }]);
  });

  it.each([
    ['logs:\n\t- name: a\n', 2, /tabs cannot indent/],
    [`${LOGS}---\n${SINKS}`, 2, /second document/],
    ['cluster: { name: ${X} }\n', 1, /must stand in quotes/],
    ['stateDir: @x\n', 1, /put it in quotes/],
    ['stateDir: "a\\qb"\n', 1, /unknown escape/],
    ['stateDir: a: b\n', 1, /put the text in quotes/],
    ['a: 1\nstateDir: !secret x\n', 2, /tags/],
  ])('says what is wrong with the YAML %j, and where', async (text, line, problem) => {
    const problems = await problemsOf(text);

    expect(problems[0]).toMatchObject({ path: '', line });
    expect(problems[0]?.problem).toMatch(problem);
  });

  it('refuses a key that is set twice', async () => {
    const problems = await problemsOf(`${LOGS}${SINKS}stateDir: /a\nstateDir: /b\n`);

    expect(problems).toEqual([{ path: 'stateDir', line: 4, problem: 'is set twice' }]);
  });

  it('refuses a key called __proto__ like any other unknown one', async () => {
    const problems = await problemsOf(`${LOGS}${SINKS}__proto__: { stateDir: /a }\n`);

    expect(problems.map(({ path }) => path)).toEqual(['__proto__']);
  });

  it('refuses aliases that multiply without end', async () => {
    const levels = Array.from(
      { length: 9 },
      (_, level) => `l${level + 1}: &l${level + 1} [${`*l${level}, `.repeat(9)}]\n`,
    );
    const problems = await problemsOf(`l0: &l0 [x]\n${levels.join('')}`);

    expect(problems).toEqual([{ path: '', problem: 'has too many settings, or they are nested too deeply' }]);
  });

  it('refuses an alias of itself, and one of nothing', async () => {
    expect(await problemsOf(`${LOGS}${SINKS}cluster: &a { name: *a }\n`)).toEqual([
      { path: '', problem: 'has too many settings, or they are nested too deeply' },
    ]);
    expect(await problemsOf(`${LOGS}${SINKS}cluster: { name: *nothing }\n`)).toEqual([
      { path: 'cluster.name', line: 3, problem: expect.stringContaining('not there') },
    ]);
  });

  it('refuses brackets nested beyond any use', async () => {
    const problems = await problemsOf('['.repeat(50_000));

    expect(problems[0]?.problem).toBe('nested too deeply');
  });

  it('names a variable that is not one', async () => {
    const problems = await problemsOf(`${LOGS}${SINKS}cluster: { name: "\${a-b} \${open" }\n`);

    expect(problems.map(({ problem }) => problem)).toEqual([
      '${a-b} names no environment variable; write "$${" where "${" itself is meant',
      '"${" has no "}"; write "$${" where "${" itself is meant',
    ]);
  });

  it('refuses names whose position files would be the same', async () => {
    const problems = await problemsOf(
      'memory: { maxBufferedBytes: 1GiB }\nlogs: [{ name: a.b, path: /a }, { name: a, path: /b }]\nsinks: [{ name: c, type: plain, path: /c }, { name: b.c, type: plain, path: /d }]\n',
    );

    expect(problems).toEqual([
      {
        path: 'sinks[1].name',
        line: 3,
        problem: '"a.b.c" would name the position of two pairs of log and sink',
      },
    ]);
  });

  it('refuses settings that cannot fit in memory and says the figures', async () => {
    const problems = await problemsOf(`memory:\n  maxBufferedBytes: 64MiB\n${LOGS}${SINKS}`);

    expect(problems).toEqual([
      {
        path: 'memory.maxBufferedBytes',
        line: 2,
        problem: expect.stringMatching(/^64 MiB cannot hold .* \d{8} bytes;/),
      },
    ]);
  });

  it('says why the file itself cannot be read', async () => {
    const definitions = [plainSink];
    const attempt = (file: string) => loadConfig({ file, env: {}, definitions, hostName: 'h' });

    await expect(attempt(join(directory, 'absent.yaml'))).rejects.toMatchObject({
      code: 'CONFIG_INVALID',
      problems: [{ path: '', problem: 'the file does not exist' }],
    });
    await expect(attempt(directory)).rejects.toMatchObject({
      problems: [{ path: '', problem: 'is a directory' }],
    });
    expect(await problemsOf(Buffer.from([0x61, 0x3a, 0xff, 0xfe]))).toEqual([
      { path: '', problem: 'is not UTF-8 text' },
    ]);
    expect((await problemsOf(`#${'x'.repeat(1024 * 1024)}`))[0]?.problem).toMatch(/larger than/);
  });
});

describe('a secret in a configuration', () => {
  const PLANTED = 'planted-hunter2-4711';
  const head = `${LOGS}sinks:\n  - name: siem\n    type: example\n`;
  const env = { PASSWORD: PLANTED };

  it.each([
    ['a wrong setting beside it', '    url: 5\n    password: "${PASSWORD}"\n'],
    ['credentials in a URL', '    url: "no url //user:${PASSWORD}@h"\n'],
    ['plain credentials in a URL', `    url: "no url //user:${PLANTED}@h"\n`],
    ['a key in the query of a URL', `    url: "://h/?key=${PLANTED}"\n`],
    ['an unknown key', `    url: http://h\n    pasword: ${PLANTED}\n`],
    ['an unknown key from a variable', '    url: http://h\n    pasword: "${PASSWORD}"\n'],
    ['a list in its place', `    url: http://h\n    password: [${PLANTED}]\n`],
    ['a mapping in its place', `    url: http://h\n    password: { value: ${PLANTED} }\n`],
    ['a key set twice', `    url: http://h\n    password: ${PLANTED}\n    password: ${PLANTED}2\n`],
    ['broken YAML around it', `    url: http://h\n    password: "${PLANTED}" ${PLANTED}\n`],
    ['an unclosed quote', `    url: http://h\n    password: "${PLANTED}\n`],
    [
      'a bad combination',
      `    url: http://h\n    username: u\n    password: ${PLANTED}\n    passwordFile: /p\n`,
    ],
    [
      'its value in another setting',
      '    url: http://h\n    password: "${PASSWORD}"\n    maxInFlight: "${PASSWORD}"\n',
    ],
    ['its value as a type', `    url: http://h\n    password: ${PLANTED}\n    compression: ${PLANTED}\n`],
    ['a number in its place', '    url: http://h\n    password: 471147114711\n'],
  ])('is not printed with %s', async (_, settings) => {
    const problems = await problemsOf(head + settings, { env });

    expect(problems.length).toBeGreaterThan(0);
    expect(JSON.stringify(problems)).not.toMatch(/hunter2|471147114711/);
  });

  it('shows a text with a variable as it stands in the file', async () => {
    const problems = await problemsOf(`stateDir: "x\${PASSWORD}"\n${LOGS}${SINKS}`, { env });

    expect(problems[0]?.problem).toBe('expected an absolute path, from "/", got "x${PASSWORD}"');
  });

  it('is not printed with the configuration that holds it', async () => {
    const config = await load(`${head}    url: http://h\n    username: u\n    password: "\${PASSWORD}"\n`, {
      env,
    });

    expect(JSON.stringify(config)).toContain('"password":"[secret]"');
    expect(JSON.stringify(config)).not.toContain(PLANTED);
    expect(String((config.sinks[0] as unknown as { password: unknown }).password)).toBe('[secret]');
  });
});
