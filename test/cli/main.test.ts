import { describe, expect, it, jest } from '@jest/globals';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { childResult, runNode } from '../support/child-process.ts';

// Each test starts processes, which takes its time on a busy machine.
jest.setTimeout(120_000);

const MAIN = join(import.meta.dirname, '../../agent/main.ts');

/** Code that runs in the process before main does. */
function before(code: string): readonly string[] {
  return ['--import', `data:text/javascript,${encodeURIComponent(code)}`];
}

function withNodeVersion(version: string): readonly string[] {
  return before(
    `Object.defineProperty(process, 'versions', { value: { ...process.versions, node: '${version}' } });`,
  );
}

describe('the process', () => {
  it('hands on the exit code of its command', async () => {
    expect(await runNode([MAIN, '--version'])).toMatchObject({ code: 0, err: '' });
    expect(await runNode([MAIN, 'config', 'check', '/nonexistent'])).toEqual({
      out: '',
      err: '/nonexistent: the file does not exist\n',
      code: 2,
      signal: null,
    });
  });

  it.each(['20.20.2', '24.14.1', '22.99.0'])('says in one line that Node %s is too old', async (version) => {
    const { out, err, code } = await runNode([...withNodeVersion(version), MAIN, '--version']);

    expect({ out, err, code }).toEqual({
      out: '',
      err: `kube-audit-agent needs Node 24.15 or newer; this is Node ${version}\n`,
      code: 2,
    });
  });

  it.each(['24.15.0', '26.0.0'])('takes Node %s', async (version) => {
    expect((await runNode([...withNodeVersion(version), MAIN, '--version'])).code).toBe(0);
  });

  it('reports a bug in one line of the form of the log, and ends with 1', async () => {
    const bug = before(
      "process.on('newListener', (name) => name === 'uncaughtException' && setImmediate(() => { throw new Error('planted\\nbug'); }));",
    );

    const { err, code } = await runNode([...bug, MAIN, 'config', 'schema']);

    expect(code).toBe(1);
    expect(err.trimEnd().split('\n')).toHaveLength(1);
    expect(JSON.parse(err)).toMatchObject({
      level: 'error',
      event: 'agent-failed',
      error: expect.stringContaining('planted\nbug'),
    });
  });

  it('is silent when nobody reads its output', async () => {
    const child = spawn(process.execPath, [MAIN, 'config', 'schema'], { stdio: ['ignore', 'pipe', 'pipe'] });
    const closed = once(child.stdout, 'close');
    child.stdout.destroy();
    await closed;

    const { err, code } = await childResult(child, Readable.from([]), child.stderr);

    expect({ err, code }).toEqual({ err: '', code: 0 });
  });
});
