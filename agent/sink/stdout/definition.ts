import type { SinkContext, SinkDefinition } from '../definition.ts';
import type { Sink } from '../sink.ts';
import { stdoutSchema } from './config.ts';
import type { StdoutSettings } from './config.ts';

async function create(settings: StdoutSettings, context: SinkContext): Promise<Sink> {
  const { StdoutSink } = await import('./stdout-sink.ts');
  const { document, nowMs } = context;
  return new StdoutSink(process.stdout, { format: settings.format, document, nowMs });
}

/** Standard output, one event a line. */
export const stdoutSink: SinkDefinition<typeof stdoutSchema> = {
  type: 'stdout',
  schema: stdoutSchema,
  create,
};
