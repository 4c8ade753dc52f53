import { fstatSync } from 'node:fs';
import type { SinkContext, SinkDefinition } from '../definition.ts';
import type { Sink } from '../sink.ts';
import { stdoutSchema } from './config.ts';
import type { StdoutSettings } from './config.ts';

const STANDARD_OUTPUT = 1;

async function create(settings: StdoutSettings, context: SinkContext): Promise<Sink> {
  const { StdoutSink } = await import('./stdout-sink.ts');
  const { FileOutput } = await import('./file-output.ts');
  const { document, nowMs } = context;
  const isFile = fstatSync(STANDARD_OUTPUT).isFile();
  const output = isFile ? FileOutput.of(STANDARD_OUTPUT) : process.stdout;
  return new StdoutSink(output, { format: settings.format, document, nowMs });
}

/** Standard output, one event a line. */
export const stdoutSink: SinkDefinition<typeof stdoutSchema> = {
  type: 'stdout',
  schema: stdoutSchema,
  create,
};
