import type { ShipperLabels } from './events.ts';
import type { Counter, LabelValues, MetricRegistry } from './metrics.ts';

const PREFIX = 'kube_audit_agent_';
const SHIPPER = ['log', 'sink'] as const;
const BATCH_SECONDS = [0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60];

export type AgentMetrics = ReturnType<typeof createAgentMetrics>;

/** All metrics of the agent. Labels are names from the configuration and words from fixed lists, never anything from an event. */
export function createAgentMetrics(registry: MetricRegistry) {
  const plainCounters: Counter<'log' | 'sink'>[] = [];
  const counter = (name: string, help: string): Counter<'log' | 'sink'> => {
    const made = registry.counter({ name: PREFIX + name, help, labels: SHIPPER });
    plainCounters.push(made);
    return made;
  };
  const reasonCounter = (name: string, help: string): Counter<'log' | 'sink' | 'reason'> =>
    registry.counter({ name: PREFIX + name, help, labels: [...SHIPPER, 'reason'] as const });
  const gauge = (name: string, help: string) =>
    registry.gauge({ name: PREFIX + name, help, labels: SHIPPER });

  const sinkReady = gauge('sink_ready', '1 while the sink takes events');
  return {
    buildInfo: registry.gauge({
      name: `${PREFIX}build_info`,
      help: 'Version of the agent and of Node; always 1',
      labels: ['version', 'node_version'] as const,
    }),
    lines: counter('lines_total', 'Lines read, events and others; empty ones apart'),
    emptyLines: counter('empty_lines_total', 'Empty lines skipped'),
    nulBytes: counter('nul_bytes_total', 'NUL bytes skipped, as a truncation under the writer leaves them'),
    events: counter('events_total', 'Events read'),
    unusualLines: counter('unusual_lines_total', 'Lines that the scan left to the full parser'),
    degradedEvents: counter('degraded_events_total', 'Events shipped not quite as they stand in the log'),
    undecodableLines: reasonCounter('undecodable_lines_total', 'Lines that are no event'),
    readBytes: counter('read_bytes_total', 'Bytes read from the log, decompressed'),
    settledBytes: counter('settled_bytes_total', 'Bytes of lines in settled batches'),
    settledDocuments: counter('settled_documents_total', 'Documents in settled batches'),
    sentBytes: counter('batch_bytes_total', 'Bytes of documents in settled batches, before compression'),
    batches: counter('batches_total', 'Batches settled'),
    retries: reasonCounter('retries_total', 'Attempts to deliver a batch that have to be repeated'),
    splits: counter('batch_splits_total', 'Batches sent in parts because the server found them too large'),
    batchSeconds: registry.histogram({
      name: `${PREFIX}batch_duration_seconds`,
      help: 'Time from the first attempt to deliver a batch until it settled',
      labels: SHIPPER,
      bounds: BATCH_SECONDS,
    }),
    reducedDocuments: reasonCounter(
      'reduced_documents_total',
      'Documents sent again in a smaller or safer form',
    ),
    duplicates: counter('duplicate_documents_total', 'Documents that the sink had already'),
    failureStore: counter(
      'failure_store_documents_total',
      'Documents that the server put into its failure store',
    ),
    deadLetters: reasonCounter('dead_letters_total', 'Lines and documents written to the dead-letter file'),
    deadLetterBytes: counter('dead_letter_bytes_total', 'Bytes written to the dead-letter file'),
    gaps: reasonCounter('gaps_total', 'Times that bytes were gone before they could be read'),
    gapBytes: counter('gap_bytes_total', 'Bytes known to be gone unread'),
    lagBytes: gauge('lag_bytes', 'Bytes on disk that are not read yet'),
    lagFiles: gauge('lag_files', 'Files that hold bytes not read yet'),
    lagSeconds: gauge('lag_seconds', 'Age of the oldest event that is not settled'),
    untilDeletionSeconds: gauge(
      'until_deletion_seconds',
      'Estimated seconds until unread data is deleted by rotation; absent while it cannot be known',
    ),
    logReadable: gauge('log_readable', '1 while the log can be read'),
    sinkReady,
    watcherFailures: counter(
      'watcher_failures_total',
      'Times that watching the directory failed; polling goes on',
    ),
    secretReloads: counter('secret_reloads_total', 'Times that a changed secret file was read again'),
    slicesFinished: counter('slices_finished_total', 'Slices finished by a file sink'),
    slicesMissing: counter('slices_missing_total', 'Slices gone or shorter than recorded'),
    positionOffset: gauge('position_offset_bytes', 'Offset of the last written position in its file'),
    positionTime: gauge(
      'position_settled_timestamp_seconds',
      'When what the last written position covers had settled',
    ),
    positionFailures: counter('position_write_failures_total', 'Positions that could not be written'),
    positionsCorrupt: counter(
      'positions_corrupt_total',
      'Positions set aside because they could not be read',
    ),
    /**
     * Makes the counters of a shipper appear with 0, so that the first increase is seen as one. Its sink counts as ready until it says
     * otherwise.
     */
    startShipper: (labels: LabelValues<'log' | 'sink'>): void => {
      for (const one of plainCounters) one.add(labels, 0);
      sinkReady.set(labels, 1);
    },
  };
}

/** Only the labels of an event that tell its shipper. */
export function shipperLabels(event: ShipperLabels): LabelValues<'log' | 'sink'> {
  return { log: event.log, sink: event.sink };
}
