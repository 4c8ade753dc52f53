import { describe, expect, it } from '@jest/globals';
import { AGENT_VERSION } from '../../agent/cli/version.ts';
import { runCommand } from '../support/command-rig.ts';

describe('the command line', () => {
  it('prints its version', async () => {
    expect(await runCommand(['--version'])).toEqual({ exitCode: 0, out: `${AGENT_VERSION}\n`, err: '' });
    expect(AGENT_VERSION).toMatch(/^\d+\.\d+\.\d+/);
  });

  it('prints help with examples', async () => {
    const { exitCode, out, err } = await runCommand(['--help']);

    expect([exitCode, err]).toEqual([0, '']);
    expect(out).toContain('Usage: kube-audit-agent');
    expect(out).toContain('Examples:\n');
    expect(out).toContain('Exit codes: 0 done, 1 failed, 2 wrong usage or configuration.');
  });

  it.each([
    [[], 'Usage: kube-audit-agent'],
    [['confg'], 'Did you mean config?'],
    [['config', 'check', '/x', '--jsn'], 'Did you mean --json?'],
    [['config', 'check', '/x', '/y'], 'too many arguments'],
    [['sink', 'check', '--sink'], 'argument missing'],
  ])('ends %j with 2 and says what is wrong', async (args, message) => {
    const { exitCode, out, err } = await runCommand(args);

    expect([exitCode, out]).toEqual([2, '']);
    expect(err).toContain(message);
  });

  it('says where the configuration was looked for by default', async () => {
    const { exitCode, err } = await runCommand(['sink', 'check']);

    expect(exitCode).toBe(2);
    expect(err).toBe('/etc/kube-audit-agent/config.yaml: the file does not exist\n');
  });
});
