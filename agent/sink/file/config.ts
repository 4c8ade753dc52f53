import { extname } from 'node:path';
import * as z from 'zod';
import { batchBlock, componentName } from '../../config/blocks.ts';
import type { SinkConflict } from '../../config/sink-conflicts.ts';
import { compressionOf, type SliceCompression } from './compression.ts';
import { mayBeginWith, mayNameTheSame } from './path-overlap.ts';
import { parsePathTemplate, type PathPart } from './path-template.ts';

const path = z
  .string()
  .min(1)
  .superRefine((text, context) => {
    const parsed = parsePathTemplate(text);
    if (parsed.status === 'invalid') context.addIssue({ code: 'custom', message: parsed.problem });
  })
  .describe(
    'where the slices lie: UTC time of the event ({yyyy} {MM} {dd} {HH} {mm}) and its values ({namespace} {verb} {level} {stage} {resource}, {node} {log} {cluster})',
  );

/** The settings of a `file` sink. */
export const fileSchema = z.strictObject({
  name: componentName,
  type: z.literal('file'),
  path,
  format: z
    .enum(['document', 'raw'])
    .default('document')
    .describe('Elasticsearch document of the event, or its line as it stands in the log'),
  compression: z
    .enum(['auto', 'none', 'gzip', 'zstd'])
    .default('auto')
    .describe('auto: gzip for a path that ends with .gz, zstd for .zst'),
  batch: batchBlock({ maxBytes: 4 * 1024 ** 2, maxEvents: 2000, maxAgeMs: 1000 }),
});

export type FileSettings = z.output<typeof fileSchema>;

export function sliceCompression({ path: name, compression }: FileSettings): SliceCompression {
  return compression === 'auto' ? compressionOf(name) : compression;
}

/**
 * Sinks whose slices would be the same files. Each (log, sink) pair writes by itself and knows where its last byte stands, so two of
 * them would write over each other. Nor must a slice be taken for a file of a log, or be one: it would be shipped again, or cut.
 */
export function fileConflicts(sinks: readonly FileSettings[], logPaths: readonly string[]): SinkConflict[] {
  return sinks.flatMap((sink, index) => {
    const problem = pathProblem(sink, sinks.slice(0, index), logPaths);
    return problem === undefined ? [] : [{ index, setting: 'path', problem }];
  });
}

function pathProblem(
  sink: FileSettings,
  earlier: readonly FileSettings[],
  logPaths: readonly string[],
): string | undefined {
  if (earlier.some((other) => other.path === sink.path)) return 'another sink writes to this path already';
  const parts = partsOf(sink);
  const other = earlier.find((one) => mayNameTheSame(partsOf(one), parts));
  if (other !== undefined)
    return `some events would have the same file here and in the sink ${other.name}, ${other.path}`;
  if (logPaths.length > 1 && !sink.path.includes('{log}'))
    return 'with several logs the path needs {log}: they cannot share a file';
  const log = logPaths.find((logPath) => mayBeginWith(parts, stemOf(logPath)));
  if (log !== undefined) return `slices could be taken for files of the log ${log}: use another directory`;
  return undefined;
}

/** What the names of a log's files have in common: the path without its extension. */
function stemOf(logPath: string): string {
  return logPath.slice(0, logPath.length - extname(logPath).length);
}

function partsOf({ path: template }: FileSettings): readonly PathPart[] {
  const parsed = parsePathTemplate(template);
  return parsed.status === 'ok' ? parsed.template.parts : [];
}
