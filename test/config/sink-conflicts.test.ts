import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { loadConfig } from '../../agent/config/load.ts';
import { fileSink } from '../../agent/sink/file/definition.ts';
import { stdoutSink } from '../../agent/sink/stdout/definition.ts';

const CONFIG = `
logs:
  - { name: one, path: /var/log/one.log, maxLineBytes: 1MiB }
  - { name: two, path: /var/log/two.log, maxLineBytes: 1MiB }
sinks:
  - { name: console, type: stdout }
  - name: archive
    type: file
    path: /archive/all.ndjson
`;

describe('sink conflicts', () => {
  it('are found between sinks and logs, with the line of the setting', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'sink-conflicts-'));
    const file = join(directory, 'config.yaml');
    await writeFile(file, CONFIG);
    const loading = loadConfig({ file, env: {}, definitions: [stdoutSink, fileSink], hostName: 'host' });

    const problem = 'with several logs the path needs {log}: they cannot share a file';
    await expect(loading).rejects.toMatchObject({ problems: [{ path: 'sinks[1].path', line: 9, problem }] });
    await rm(directory, { recursive: true });
  });
});
