/** What becomes of each internal event: its log line, its metrics, or both. The type makes the table complete. */
import type { AgentMetrics } from './agent-metrics.ts';
import { shipperLabels } from './agent-metrics.ts';
import type { InternalEvent, InternalEventKind } from './events.ts';

export type LogLevel = 'debug' | 'info' | 'warn' | 'error';

/** INFO: done as asked. WARN: odd, but nothing is lost. ERROR: loss, or somebody has to act. */
export interface LogLine {
  readonly level: LogLevel;
  /** Never made of values: those are fields. */
  readonly sentence: string;
  readonly fields?: Readonly<Record<string, unknown>>;
  /** May repeat at any rate: said at once, then once in a while with the number of those held back. */
  readonly repeats?: true;
  /** A repeating condition of the same shipper that is over with this. */
  readonly ends?: InternalEventKind;
}

type EventOf<Kind extends InternalEventKind> = Extract<InternalEvent, { kind: Kind }>;

interface Row<Event> {
  readonly line?: (event: Event) => LogLine | undefined;
  readonly count?: (event: Event, metrics: AgentMetrics) => void;
}

export type EventTable = { readonly [Kind in InternalEventKind]: Row<EventOf<Kind>> };

export const EVENT_TABLE: EventTable = {
  'agent-started': {
    line: ({ version, logs, sinks }) => ({
      level: 'info',
      sentence: 'The agent started',
      fields: { version, logs, sinks },
    }),
    count: ({ version }, { buildInfo }) => buildInfo.set({ version, node_version: process.versions.node }, 1),
  },
  'agent-stopping': {
    line: ({ reason }) => ({ level: 'info', sentence: 'The agent is stopping', fields: { reason } }),
  },
  'agent-stopped': {
    line: ({ drained }) =>
      drained
        ? { level: 'info', sentence: 'The agent stopped, everything on its way was settled' }
        : {
            level: 'warn',
            sentence:
              'The agent stopped before everything on its way was settled; it is sent again at the next start',
          },
  },
  'telemetry-listening': {
    line: ({ address, port }) => ({
      level: 'info',
      sentence: 'Metrics and health are served',
      fields: { address, port },
    }),
  },
  'state-directory-locked': {
    line: ({ directory, holder }) => ({
      level: 'warn',
      sentence: 'Another agent holds the state directory; waiting for it to end',
      fields: { directory, holder },
      repeats: true,
    }),
  },
  'file-opened': {
    line: ({ path, fingerprint, offset }) => ({
      level: 'info',
      sentence: 'Reading a file',
      fields: { path, fingerprint, offset },
    }),
    count: (event, { logReadable }) => logReadable.set(shipperLabels(event), 1),
  },
  'file-finished': {
    line: ({ path, fingerprint, offset }) => ({
      level: 'info',
      sentence: 'Read a file to its end',
      fields: { path, fingerprint, offset },
    }),
  },
  'file-replaced': {
    line: ({ path, fingerprint }) => ({
      level: 'warn',
      sentence: 'A file was replaced or truncated in place',
      fields: { path, fingerprint },
    }),
  },
  'log-unreadable': {
    line: ({ path, code, detail }) => ({
      level: 'error',
      sentence: 'The log cannot be read; trying again',
      fields: { path, code, detail },
      repeats: true,
    }),
    count: (event, { logReadable }) => logReadable.set(shipperLabels(event), 0),
  },
  'log-readable-again': {
    line: ({ path }) => ({
      level: 'info',
      sentence: 'The log can be read',
      fields: { path },
      ends: 'log-unreadable',
    }),
    count: (event, { logReadable }) => logReadable.set(shipperLabels(event), 1),
  },
  'live-file-unlinked': {
    line: ({ path }) => ({
      level: 'error',
      sentence:
        'The live file was deleted under the API server; what it writes now is lost once this agent or the API server stops',
      fields: { path },
      repeats: true,
    }),
  },
  gap: {
    line: ({ reason, path, fingerprint, offset, unreadBytes }) => ({
      level: 'error',
      sentence: 'Events were gone before they could be read',
      fields: { reason, path, fingerprint, offset, unreadBytes },
    }),
    count: (event, { gaps, gapBytes }) => {
      gaps.add({ ...shipperLabels(event), reason: event.reason }, 1);
      gapBytes.add(shipperLabels(event), event.unreadBytes ?? 0);
    },
  },
  'watcher-failed': {
    line: ({ path, detail }) => ({
      level: 'warn',
      sentence: 'The directory cannot be watched; it is polled',
      fields: { path, detail },
      repeats: true,
    }),
    count: (event, { watcherFailures }) => watcherFailures.add(shipperLabels(event), 1),
  },
  read: {
    count: (event, { readBytes }) => readBytes.add(shipperLabels(event), event.bytes),
  },
  lag: {
    count: (event, metrics) => {
      const labels = shipperLabels(event);
      metrics.lagBytes.set(labels, event.bytes);
      metrics.lagFiles.set(labels, event.files);
      metrics.lagSeconds.set(labels, event.seconds);
      if (event.untilDeletionSeconds === undefined) metrics.untilDeletionSeconds.remove(labels);
      else metrics.untilDeletionSeconds.set(labels, event.untilDeletionSeconds);
    },
  },
  lines: {
    count: (event, metrics) => {
      const labels = shipperLabels(event);
      metrics.lines.add(labels, event.events);
      metrics.events.add(labels, event.events);
      metrics.emptyLines.add(labels, event.empty);
      metrics.nulBytes.add(labels, event.nulBytes);
      metrics.unusualLines.add(labels, event.unusual);
      metrics.degradedEvents.add(labels, event.degraded);
    },
  },
  'line-undecodable': {
    line: ({ reason, path, offset, bytes }) => ({
      level: 'error',
      sentence: 'A line is no event that can be shipped; it goes to the dead-letter file',
      fields: { reason, path, offset, bytes },
      repeats: true,
    }),
    count: (event, { lines, undecodableLines }) => {
      lines.add(shipperLabels(event), 1);
      undecodableLines.add({ ...shipperLabels(event), reason: event.reason }, 1);
    },
  },
  'document-reduced': {
    line: ({ reduction, why }) => ({
      level: 'warn',
      sentence: 'A document is sent again in a smaller or safer form',
      fields: { reduction, why },
      repeats: true,
    }),
    count: (event, { reducedDocuments }) =>
      reducedDocuments.add({ ...shipperLabels(event), reason: event.reduction }, 1),
  },
  'batch-settled': {
    line: ({ documents, bytes, attempts, durationMs }) => ({
      level: 'debug',
      sentence: 'A batch settled',
      fields: { documents, bytes, attempts, durationMs },
    }),
    count: (event, metrics) => {
      const labels = shipperLabels(event);
      metrics.batches.add(labels, 1);
      metrics.settledDocuments.add(labels, event.documents);
      metrics.sentBytes.add(labels, event.bytes);
      metrics.settledBytes.add(labels, event.lineBytes);
      metrics.batchSeconds.observe(labels, event.durationMs / 1000);
    },
  },
  'batch-retry': {
    line: ({ reason, detail, documents, attempt, waitMs }) => ({
      level: 'warn',
      sentence: 'A batch was not taken; it is sent again',
      fields: { reason, detail, documents, attempt, waitMs },
      repeats: true,
    }),
    count: (event, { retries }) => retries.add({ ...shipperLabels(event), reason: event.reason }, 1),
  },
  'batch-split': {
    line: ({ documents, detail }) => ({
      level: 'info',
      sentence: 'A batch was too large for the server; it is sent in parts',
      fields: { documents, detail },
      repeats: true,
    }),
    count: (event, { splits }) => splits.add(shipperLabels(event), 1),
  },
  'sink-state': {
    line: ({ ready, reason, detail }) =>
      ready
        ? { level: 'info', sentence: 'The sink takes events' }
        : {
            level: 'error',
            sentence: 'The sink takes no events; the log is the buffer until it does',
            fields: { reason, detail },
          },
    count: (event, { sinkReady }) => sinkReady.set(shipperLabels(event), event.ready ? 1 : 0),
  },
  'documents-duplicate': {
    line: ({ documents }) => ({
      level: 'debug',
      sentence: 'The sink had documents already',
      fields: { documents },
      repeats: true,
    }),
    count: (event, { duplicates }) => duplicates.add(shipperLabels(event), event.documents),
  },
  'documents-in-failure-store': {
    line: ({ documents }) => ({
      level: 'warn',
      sentence: 'The server put documents into its failure store',
      fields: { documents },
      repeats: true,
    }),
    count: (event, { failureStore }) => failureStore.add(shipperLabels(event), event.documents),
  },
  'dead-letter-written': {
    line: ({ reason, bytes }) => ({
      level: 'error',
      sentence: 'A dead letter was written; look at it with "kube-audit-agent dead-letter list"',
      fields: { reason, bytes },
      repeats: true,
    }),
    count: (event, { deadLetters, deadLetterBytes }) => {
      deadLetters.add({ ...shipperLabels(event), reason: event.reason }, 1);
      deadLetterBytes.add(shipperLabels(event), event.bytes);
    },
  },
  'dead-letter-full': {
    line: ({ maxBytes }) => ({
      level: 'error',
      sentence: 'The dead-letter files are full; the sink pauses until there is room (deadLetter.maxBytes)',
      fields: { maxBytes },
      repeats: true,
    }),
  },
  'dead-letter-write-failed': {
    line: ({ detail }) => ({
      level: 'error',
      sentence: 'A dead letter cannot be written; the sink pauses until it can',
      fields: { detail },
      repeats: true,
    }),
  },
  'slice-opened': {
    line: ({ path }) => ({ level: 'debug', sentence: 'A slice was opened', fields: { path } }),
  },
  'slice-finished': {
    line: ({ path, bytes }) => ({ level: 'info', sentence: 'A slice is finished', fields: { path, bytes } }),
    count: (event, { slicesFinished }) => slicesFinished.add(shipperLabels(event), 1),
  },
  'slice-missing': {
    line: ({ path, bytes }) => ({
      level: 'error',
      sentence: 'A slice is gone or shorter than recorded: events that were delivered to it are lost',
      fields: { path, bytes },
    }),
    count: (event, { slicesMissing }) => slicesMissing.add(shipperLabels(event), 1),
  },
  'slice-unfinished': {
    line: ({ detail }) => ({
      level: 'warn',
      sentence: 'A finished slice could not get its final name; it keeps ".partial" until that works',
      fields: { detail },
      repeats: true,
    }),
  },
  'secret-file-changed': {
    line: ({ path }) => ({
      level: 'info',
      sentence: 'A changed secret file was read again',
      fields: { path },
    }),
    count: (event, { secretReloads }) => secretReloads.add(shipperLabels(event), 1),
  },
  'position-loaded': {
    line: ({ path, fingerprint, offset }) => ({
      level: 'info',
      sentence: 'Going on at the last position',
      fields: { path, fingerprint, offset },
    }),
    count: (event, { startShipper }) => startShipper(shipperLabels(event)),
  },
  'position-absent': {
    line: ({ startAt }) => ({
      level: 'info',
      sentence: 'There is no position yet; starting anew',
      fields: { startAt },
    }),
    count: (event, { startShipper }) => startShipper(shipperLabels(event)),
  },
  'position-corrupt': {
    line: ({ setAside, detail }) => ({
      level: 'error',
      sentence: 'The position cannot be read and was set aside; reading starts at the oldest retained file',
      fields: { setAside, detail },
    }),
    count: (event, { startShipper, positionsCorrupt }) => {
      startShipper(shipperLabels(event));
      positionsCorrupt.add(shipperLabels(event), 1);
    },
  },
  'position-write-failed': {
    line: ({ detail }) => ({
      level: 'error',
      sentence: 'The position cannot be written; after a restart events are sent again from the last one',
      fields: { detail },
      repeats: true,
    }),
    count: (event, { positionFailures }) => positionFailures.add(shipperLabels(event), 1),
  },
  'position-written': {
    count: (event, { positionOffset, positionTime }) => {
      positionOffset.set(shipperLabels(event), event.offset);
      positionTime.set(shipperLabels(event), event.settledAtMs / 1000);
    },
  },
};
