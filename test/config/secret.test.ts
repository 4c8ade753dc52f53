import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { Secret } from '../../agent/config/secret.ts';

let directory: string;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'secret-'));
});

afterAll(() => rm(directory, { recursive: true }));

describe('a secret', () => {
  it('shows itself as [secret] wherever it becomes text', () => {
    const secret = Secret.ofValue('planted');

    const texts = [String(secret), JSON.stringify({ secret }), inspect(secret), inspect({ deep: [secret] })];

    for (const text of texts) {
      expect(text).toContain('[secret]');
      expect(text).not.toContain('planted');
    }
  });

  it('is read from its file again when the file was replaced, without the white space around it', async () => {
    const path = join(directory, 'key');
    await writeFile(path, 'first\n');
    const secret = Secret.ofFile(path);
    expect(await secret.read()).toBe('first');

    await writeFile(`${path}.new`, ' other \n');
    await rename(`${path}.new`, path);

    expect(await secret.read()).toBe('other');
    expect(inspect(secret)).not.toContain('other');
  });

  it('rejects while its file is not there or is no credential', async () => {
    const path = join(directory, 'late');
    const secret = Secret.ofFile(path);
    await expect(secret.read()).rejects.toMatchObject({ code: 'ENOENT' });

    await writeFile(path, 'x'.repeat(1024 * 1024 + 1));

    await expect(secret.read()).rejects.toThrow(/no credential/);
  });
});
