import { InvariantError } from '../../errors.ts';
import type { SinkContext, SinkDefinition } from '../definition.ts';
import type { Sink } from '../sink.ts';
import { fileConflicts, fileSchema, sliceCompression } from './config.ts';
import type { FileSettings } from './config.ts';
import { parsePathTemplate } from './path-template.ts';

async function create(settings: FileSettings, context: SinkContext): Promise<Sink> {
  const { FileSink } = await import('./file-sink.ts');
  const { realSliceFileSystem } = await import('./file-system.ts');
  const parsed = parsePathTemplate(settings.path);
  if (parsed.status === 'invalid') throw new InvariantError(`an unchecked path: ${parsed.problem}`);
  return new FileSink({
    template: parsed.template,
    format: settings.format,
    compression: sliceCompression(settings),
    context,
    fileSystem: realSliceFileSystem,
  });
}

/** Time slices on local disk. */
export const fileSink: SinkDefinition<typeof fileSchema> = {
  type: 'file',
  schema: fileSchema,
  conflicts: fileConflicts,
  create,
};
