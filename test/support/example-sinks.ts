import * as z from 'zod';
import {
  authKeys,
  authProblem,
  batchBlock,
  componentName,
  secretFile,
  secretValue,
  tlsBlock,
} from '../../agent/config/blocks.ts';
import type { SinkDefinition } from '../../agent/sink/definition.ts';
import type { SinkAdmin } from '../../agent/sink/definition.ts';

const batch = batchBlock({ maxBytes: 4 * 1024 ** 2, maxEvents: 2000, maxAgeMs: 1000 });

/** A network sink with every shared block, for tests of what is around sinks. Its `create` is never called. */
export function exampleSink(admin?: SinkAdmin): SinkDefinition {
  const schema = z
    .strictObject({
      name: componentName,
      type: z.literal('example'),
      url: z.union([z.url(), z.array(z.url()).min(1)]),
      token: secretValue.optional(),
      tokenFile: secretFile.optional(),
      ...authKeys,
      tls: tlsBlock.optional(),
      maxInFlight: z.int().min(1).max(16).default(2),
      compression: z.enum(['gzip', 'none']).default('gzip'),
      batch,
    })
    .superRefine((settings, context) => {
      const problem = authProblem(settings);
      if (problem !== undefined) context.addIssue({ code: 'custom', message: problem });
    });
  return {
    type: 'example',
    schema,
    create: () => Promise.reject(new Error('not made for this')),
    ...(admin === undefined ? {} : { admin: () => Promise.resolve(admin) }),
  };
}

/** A sink that has nothing to set up. */
export const plainSink: SinkDefinition = {
  type: 'plain',
  schema: z.strictObject({ name: componentName, type: z.literal('plain'), path: z.string().min(1), batch }),
  create: () => Promise.reject(new Error('not made for this')),
};
