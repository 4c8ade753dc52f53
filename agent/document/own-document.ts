import type { OwnRecord } from '../event/own-record.ts';
import type { DocumentContext } from '../sink/definition.ts';
import { DATASET } from './data-stream.ts';
import type { DocumentEncoderOptions } from './document-encoder.ts';
import { documentHead } from './document-head.ts';

/**
 * The document of a record about the agent itself, as JSON without a line feed. It stands in the same data stream as the events it is
 * about, under `k8s_audit.<kind>`; it has no `kubernetes.audit` and no `event.id`.
 */
export function ownDocument(
  record: OwnRecord,
  context: DocumentContext,
  options: DocumentEncoderOptions,
): Buffer {
  const ingested = new Date(options.nowMs()).toISOString();
  const cluster = context.clusterName === undefined ? {} : { cluster: { name: context.clusterName } };
  const document = {
    '@timestamp': new Date(record.timeMs).toISOString(),
    ...documentHead(context, options.dataStream),
    event: {
      kind: 'event',
      dataset: DATASET,
      created: ingested,
      ingested,
      action: record.kind,
      type: ['error'],
    },
    log: { level: 'error' },
    message: record.summary,
    orchestrator: { type: 'kubernetes', ...cluster },
    k8s_audit: { [record.kind]: { log: record.log, ...record.fields } },
  };
  return Buffer.from(JSON.stringify(document));
}
