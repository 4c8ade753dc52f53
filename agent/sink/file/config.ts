import * as z from 'zod';
import { batchBlock, componentName } from '../../config/blocks.ts';
import type { SinkConflict } from '../../config/sink-conflicts.ts';
import { compressionOf } from './compression.ts';
import { parsePathTemplate } from './path-template.ts';

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

export function sliceCompression({ path: name, compression }: FileSettings): 'none' | 'gzip' | 'zstd' {
  return compression === 'auto' ? compressionOf(name) : compression;
}

/**
 * Sinks whose slices would be the same files. Each (log, sink) pair writes by itself and knows where its last byte stands, so two of
 * them would write over each other.
 */
export function fileConflicts(sinks: readonly FileSettings[], logs: number): SinkConflict[] {
  return sinks.flatMap((sink, index) => {
    if (sinks.findIndex((other) => other.path === sink.path) < index)
      return [{ index, setting: 'path', problem: 'another sink writes to this path already' }];
    if (logs > 1 && !sink.path.includes('{log}'))
      return [
        {
          index,
          setting: 'path',
          problem: 'with several logs the path needs {log}: they cannot share a file',
        },
      ];
    return [];
  });
}
