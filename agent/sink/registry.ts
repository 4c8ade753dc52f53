import type { SinkDefinition } from './definition.ts';
import { elasticsearchSink } from './elasticsearch/definition.ts';
import { fileSink } from './file/definition.ts';
import { stdoutSink } from './stdout/definition.ts';

/** Every type of sink there is. A new one is its folder and a line here. */
export const SINK_DEFINITIONS: readonly SinkDefinition[] = [elasticsearchSink, fileSink, stdoutSink];
