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

    expect(fileConflicts([one, two], ['/log/a.log'])).toEqual([]);
    expect(fileConflicts([one, two], ['/log/a.log', '/log/b.log'])).toEqual([
      {
        index: 0,
        setting: 'path',
        problem: 'with several logs the path needs {log}: they cannot share a file',
      },
    ]);
    expect(fileConflicts([two, one, two], ['/log/a.log'])).toEqual([
      { index: 2, setting: 'path', problem: 'another sink writes to this path already' },
    ]);
  });

  it.each([
    ['/a/{namespace}.ndjson', '/a/{resource}.ndjson'],
    ['/a/{namespace}/x.ndjson', '/a/all/x.ndjson'],
    ['/a/{verb}-{yyyy}.ndjson', '/a/{namespace}.ndjson'],
    ['/a/{log}{verb}', '/a/{yyyy}{MM}'],
  ])('does not let %s stand beside %s, which may name the same file', (one, two) => {
    const sinks = [one, two].map((path) => fileSchema.parse({ name: 'first', type: 'file', path }));

    expect(fileConflicts(sinks, ['/log/a.log'])).toEqual([
      {
        index: 1,
        setting: 'path',
        problem: `some events would have the same file here and in the sink first, ${one}`,
      },
    ]);
  });

  it.each([
    ['/a/{namespace}.ndjson', '/b/{namespace}.ndjson'],
    ['/a/{namespace}/x.ndjson', '/a/x.ndjson'],
    ['/a/{yyyy}{MM}{dd}.ndjson', '/a/{yyyy}{MM}{dd}{HH}.ndjson'],
    ['/a/{namespace}.ndjson', '/a/{namespace}.ndjson.gz'],
  ])('lets %s stand beside %s', (one, two) => {
    const sinks = [one, two].map((path) => fileSchema.parse({ name: 'first', type: 'file', path }));

    expect(fileConflicts(sinks, ['/log/a.log'])).toEqual([]);
  });

  it.each(['/log/audit.log', '/log/audit-{yyyy}{MM}{dd}.log.gz', '/log/{verb}.log', '/{namespace}/{verb}'])(
    'does not let %s stand where the files of the log are',
    (path) => {
      const sink = fileSchema.parse({ name: 'a', type: 'file', path });

      expect(fileConflicts([sink], ['/log/audit.log'])).toEqual([
        {
          index: 0,
          setting: 'path',
          problem: 'slices could be taken for files of the log /log/audit.log: use another directory',
        },
      ]);
      expect(fileConflicts([sink], ['/other.d/logs/kube.log'])).toEqual([]);
    },
  );
});
