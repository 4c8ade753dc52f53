import { describe, expect, it } from '@jest/globals';
import { fileConflicts, fileSchema, sliceCompression } from '../../../agent/sink/file/config.ts';
import { fillTemplate, parsePathTemplate } from '../../../agent/sink/file/path-template.ts';
import { templateOf } from '../../support/file-shipping.ts';

function problemOf(path: string): string {
  const parsed = parsePathTemplate(path);
  return parsed.status === 'invalid' ? parsed.problem : '';
}

describe('path template', () => {
  it('knows its parts, the directory it never leaves and how long a slice lasts', () => {
    const template = templateOf('/archive/{namespace}/audit-{yyyy}{MM}{dd}{HH}.ndjson.gz');

    expect(template).toMatchObject({ root: '/archive', unit: 'HH', eventFields: ['namespace'] });
    expect(fillTemplate(template, (field) => `<${field}>`)).toBe(
      '/archive/<namespace>/audit-<yyyy><MM><dd><HH>.ndjson.gz',
    );
  });

  it('takes the directory before the first placeholder for its root, also where a name begins with text', () => {
    expect(templateOf('/a/b/audit-{verb}.ndjson').root).toBe('/a/b');
    expect(templateOf('/{log}/x.ndjson').root).toBe('/');
    expect(templateOf('/a/b/plain.ndjson')).toMatchObject({ root: '/a/b', unit: undefined });
  });

  it('names the known placeholders where it meets an unknown one', () => {
    expect(problemOf('/archive/{user}.ndjson')).toBe(
      '{user} is no known placeholder; known are {yyyy}, {MM}, {dd}, {HH}, {mm}, {namespace}, {verb}, {level}, {stage}, {resource}, {node}, {log}, {cluster}',
    );
  });

  it.each([
    ['archive/x.ndjson', 'absolute'],
    ['/archive/../etc/x.ndjson', '".."'],
    ['/archive//x.ndjson', 'doubled slashes'],
    ['/archive/', 'a file, not of a directory'],
    ['/archive/{namespace.ndjson', 'a brace stands alone'],
    ['/archive/{HH}.ndjson', '{HH} needs {yyyy} and {MM} and {dd}'],
    ['/archive/{yyyy}-{dd}.ndjson', '{dd} needs {MM}'],
    ['/archive/.{namespace}/x.ndjson', 'must not begin with a dot'],
    ['/archive/{namespace}{verb}{resource}{node}.ndjson', 'more than 239 bytes'],
  ])('refuses %s', (path, problem) => {
    expect(problemOf(path)).toContain(problem);
  });

  it('says in the settings what is wrong with a path', () => {
    const parsed = fileSchema.safeParse({ name: 'archive', type: 'file', path: '/a/{pod}.gz' });

    expect(parsed.error?.issues[0]).toMatchObject({ path: ['path'] });
    expect(parsed.error?.issues[0]?.message).toContain('{pod} is no known placeholder');
  });

  it('takes the compression from the name unless one is given', () => {
    const compressionOf = (path: string, compression?: string) =>
      sliceCompression(
        fileSchema.parse({ name: 'a', type: 'file', path, ...(compression && { compression }) }),
      );

    expect(compressionOf('/a/x.ndjson')).toBe('none');
    expect(compressionOf('/a/x.ndjson.gz')).toBe('gzip');
    expect(compressionOf('/a/x.ndjson.zst')).toBe('zstd');
    expect(compressionOf('/a/x.log', 'gzip')).toBe('gzip');
  });

  it('does not let several logs or sinks share a slice', () => {
    const settings = (path: string) => fileSchema.parse({ name: 'a', type: 'file', path });
    const [one, two] = [settings('/a/{namespace}.ndjson'), settings('/a/{log}/{namespace}.ndjson')];

    expect(fileConflicts([one, two], 1)).toEqual([]);
    expect(fileConflicts([one, two], 2)).toEqual([
      {
        index: 0,
        setting: 'path',
        problem: 'with several logs the path needs {log}: they cannot share a file',
      },
    ]);
    expect(fileConflicts([two, one, two], 1)).toEqual([
      { index: 2, setting: 'path', problem: 'another sink writes to this path already' },
    ]);
  });
});
