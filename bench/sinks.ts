/** Sinks as the bench configures them: the defaults, but for where they write. */
import { join } from 'node:path';

export type SinkBlock = Readonly<Record<string, unknown>> & { readonly name: string };

export function elasticsearchSink(url: string, compression: 'gzip' | 'none' = 'gzip'): SinkBlock {
  return { name: 'siem', type: 'elasticsearch', url, compression };
}

export function fileSink(directory: string): SinkBlock {
  return {
    name: 'archive',
    type: 'file',
    path: join(directory, 'archive', 'audit-{yyyy}{MM}{dd}{HH}.ndjson.gz'),
  };
}
