import * as z from 'zod';
import type { SinkContext } from '../../agent/sink/definition.ts';
import { elasticsearchSink } from '../../agent/sink/elasticsearch/definition.ts';
import type { Sink } from '../../agent/sink/sink.ts';
import type { InternalEvent } from '../../agent/telemetry/events.ts';

export interface SinkUnderTest extends AsyncDisposable {
  readonly sink: Sink;
  /** Everything that was emitted. */
  readonly events: InternalEvent[];
}

export function sinkContext(events: InternalEvent[], overrides: Partial<SinkContext> = {}): SinkContext {
  return {
    name: 'siem',
    document: { nodeName: 'node-1', clusterName: 'prod', agentVersion: '0.0.0', logName: 'kube-apiserver' },
    telemetry: { emit: (event) => void events.push(event) },
    nowMs: () => Date.now(),
    env: {},
    ...overrides,
  };
}

/** A sink of type `elasticsearch` made from settings as they stand in a configuration. */
export async function startElasticsearchSink(
  settings: Readonly<Record<string, unknown>>,
  overrides: Partial<SinkContext> = {},
): Promise<SinkUnderTest> {
  const events: InternalEvent[] = [];
  const parsed = z.parse(elasticsearchSink.schema, { name: 'siem', type: 'elasticsearch', ...settings });
  const sink = await elasticsearchSink.create(parsed, sinkContext(events, overrides));
  return { sink, events, [Symbol.asyncDispose]: () => sink.close() };
}
