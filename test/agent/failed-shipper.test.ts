import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { AgentHome } from '../support/agent-home.ts';
import { until } from '../support/until.ts';

let home: AgentHome;

beforeEach(async () => {
  home = await AgentHome.create();
  await home.createLog();
});

afterEach(() => home[Symbol.asyncDispose]());

describe('an agent of which one shipper cannot go on', () => {
  it('ends the others too and exits with 1', async () => {
    const sinks = ['archive', 'later'].map((name) => ({
      name,
      type: 'file',
      path: join(home.directory, name, 'audit.ndjson'),
    }));
    await home.configure({ sinks });
    await mkdir(dirname(home.positionPath()), { recursive: true });
    await writeFile(home.positionPath('later'), JSON.stringify({ version: 2 }));

    const agent = home.start();
    await until('the agent ends', () => agent.hasEnded);

    expect(await agent.exit).toEqual({ code: 1, signal: null });
  }, 60_000);
});
