import { describe, expect, it, jest } from '@jest/globals';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { childResult, runNode, type ChildResult } from '../support/child-process.ts';

const LOGGER = join(import.meta.dirname, '../../agent/telemetry/logger.ts');

/** Runs a module in a process of its own, because the logger writes to the process's descriptors. */
function run(script: string): Promise<ChildResult> {
  const source = `import { createLogger } from ${JSON.stringify(LOGGER)};\n${script}`;
  return runNode(['--input-type=module', '-e', source]);
}

describe('the logger', () => {
  it('writes JSON lines with the level as text and the time as ISO', async () => {
    const { out } = await run(
      "createLogger({ level: 'info', descriptor: 1 }).logger.warn({ path: '/a\\u001b[31m' }, 'A sentence')",
    );

    const line = JSON.parse(out) as Record<string, unknown>;
    expect(Object.keys(line)).toEqual(['level', 'time', 'path', 'msg']);
    expect(line).toMatchObject({ level: 'warn', path: '/a\u001b[31m', msg: 'A sentence' });
    expect(line['time']).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
    expect(out).not.toContain('\u001b');
  });

  it('loses no line when the process exits right after it', async () => {
    const { out, code } = await run(
      "const { logger } = createLogger({ level: 'info', descriptor: 1 });\n" +
        "for (let i = 0; i < 2000; i++) logger.info({ i }, 'x'.repeat(200));\nprocess.exit(3);",
    );

    expect(code).toBe(3);
    expect(out.trimEnd().split('\n')).toHaveLength(2000);
  });

  it('writes to the other descriptor where the first one carries events', async () => {
    const { out, err } = await run("createLogger({ level: 'info', descriptor: 2 }).logger.info('Hello')");

    expect(out).toBe('');
    expect(err).toContain('"msg":"Hello"');
  });

  it('does not end the process when nobody reads the log any more', async () => {
    const source = `import { createLogger } from ${JSON.stringify(LOGGER)};
      const { logger, flush } = createLogger({ level: 'info', descriptor: 1 });
      process.stdin.once('data', () => {
        for (let i = 0; i < 5000; i++) logger.info('x'.repeat(200));
        setTimeout(() => { flush(); process.stderr.write('alive'); process.exit(0); }, 50);
      });`;
    const child = spawn(process.execPath, ['--input-type=module', '-e', source], { stdio: 'pipe' });
    child.stdout.destroy();
    await once(child.stdout, 'close');
    child.stdin.end('go');

    // Each test starts processes, which takes its time on a busy machine.
    jest.setTimeout(120_000);

    const { err, code } = await childResult(child, Readable.from([]), child.stderr);

    expect([err, code]).toEqual(['alive', 0]);
  });
});
