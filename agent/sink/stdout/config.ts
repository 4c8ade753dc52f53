import * as z from 'zod';
import { batchBlock, componentName } from '../../config/blocks.ts';

/** The settings of a `stdout` sink. */
export const stdoutSchema = z.strictObject({
  name: componentName,
  type: z.literal('stdout'),
  format: z
    .enum(['document', 'raw'])
    .default('document')
    .describe('Elasticsearch document of the event, or its line as it stands in the log'),
  batch: batchBlock({ maxBytes: 1024 ** 2, maxEvents: 2000, maxAgeMs: 200 }),
});

export type StdoutSettings = z.output<typeof stdoutSchema>;
