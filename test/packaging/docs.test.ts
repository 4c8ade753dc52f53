import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { configJsonSchema } from '../../agent/config/json-schema.ts';
import { loadConfig } from '../../agent/config/load.ts';
import { SINK_DEFINITIONS } from '../../agent/sink/registry.ts';

const ROOT = join(import.meta.dirname, '..', '..');

function read(path: string): string {
  return readFileSync(join(ROOT, path), 'utf8');
}

/** The words of a union of string literals in a source file. */
function membersOf(source: string, type: string): string[] {
  const body = new RegExp(`type ${type} =([^;]*);`).exec(source)?.[1] ?? '';
  return [...body.matchAll(/'([^']+)'/g)].map(([, word]) => word ?? '');
}

/** Every key of a JSON Schema that a person can set, wherever it stands. */
function keysOf(schema: unknown): string[] {
  if (typeof schema !== 'object' || schema === null) return [];
  const own = 'properties' in schema ? Object.keys(schema.properties as object) : [];
  return [...own, ...Object.values(schema).flatMap(keysOf)];
}

describe('docs/errors.md', () => {
  const page = read('docs/errors.md');
  const source = read('agent/errors.ts');
  const codes = ['LogErrorCode', 'CheckpointErrorCode', 'ErrorCode'];
  const reasons = ['DecodeReason', 'SinkReason'];

  it.each([...codes, ...reasons])('explains each word of %s', (type) => {
    const words = membersOf(source, type);

    expect(words).not.toEqual([]);
    expect(words.filter((word) => !new RegExp(`^\\| \`${word}\` +\\|`, 'm').test(page))).toEqual([]);
  });
});

describe('docs/configuration.md', () => {
  const page = read('docs/configuration.md');
  let directory = '';
  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), 'docs-'));
  });
  afterAll(() => rm(directory, { recursive: true }));

  it('names every key', () => {
    const keys = new Set(keysOf(configJsonSchema(SINK_DEFINITIONS)));

    expect(keys.size).toBeGreaterThan(30);
    expect(
      [...keys].filter((key) => !new RegExp(`[\`.]${key}[\`.]`).test(page) && !page.includes(`\`${key}[]`)),
    ).toEqual([]);
  });

  it('begins with an example that the program accepts', async () => {
    const example = /```yaml\n([\s\S]*?)```/.exec(page)?.[1] ?? '';
    const file = join(directory, 'config.yaml');
    await writeFile(file, example);

    const config = await loadConfig({
      file,
      env: { NODE_NAME: 'control-plane-1' },
      definitions: SINK_DEFINITIONS,
      hostName: 'host',
    });

    expect(config.sinks.map(({ type }) => type)).toEqual(['elasticsearch', 'file']);
  });
});
