import type { DecodeReason, SinkReason } from '../errors.ts';

/** Which shipper something happened in. */
export interface ShipperLabels {
  readonly log: string;
  readonly sink: string;
}

/**
 * Everything that happens and that somebody may want to count or read. One emit makes the log line and the metrics, so that they
 * cannot disagree; `telemetry/table.ts` says which. Counted per chunk or per batch, never per line.
 */
export type InternalEvent =
  // process
  | { kind: 'agent-started'; version: string; logs: number; sinks: number }
  | { kind: 'agent-stopping'; reason: string }
  | { kind: 'agent-stopped'; drained: boolean }
  | { kind: 'telemetry-listening'; address: string; port: number }
  | { kind: 'state-directory-locked'; directory: string; holder: string }
  // log
  | ({ kind: 'file-opened'; path: string; fingerprint: string; offset: number } & ShipperLabels)
  | ({ kind: 'file-finished'; path: string; fingerprint: string; offset: number } & ShipperLabels)
  | ({ kind: 'file-replaced'; path: string; fingerprint: string } & ShipperLabels)
  | ({ kind: 'log-unreadable'; path: string; code: string; detail: string } & ShipperLabels)
  | ({ kind: 'log-readable-again'; path: string } & ShipperLabels)
  | ({ kind: 'live-file-unlinked'; path: string } & ShipperLabels)
  | ({
      kind: 'gap';
      reason: string;
      path: string;
      fingerprint: string;
      offset: number;
      unreadBytes: number | undefined;
    } & ShipperLabels)
  | ({ kind: 'watcher-failed'; path: string; detail: string } & ShipperLabels)
  | ({ kind: 'read'; bytes: number } & ShipperLabels)
  | ({
      kind: 'lag';
      bytes: number;
      files: number;
      seconds: number;
      untilDeletionSeconds: number | undefined;
    } & ShipperLabels)
  // lines
  | ({
      kind: 'lines';
      events: number;
      empty: number;
      nulBytes: number;
      /** Lines that went the slow way. */
      unusual: number;
      degraded: number;
    } & ShipperLabels)
  | ({
      kind: 'line-undecodable';
      reason: DecodeReason;
      path: string;
      offset: number;
      bytes: number;
    } & ShipperLabels)
  | ({ kind: 'document-reduced'; reduction: string; why: string } & ShipperLabels)
  // delivery
  | ({
      kind: 'batch-settled';
      documents: number;
      bytes: number;
      lineBytes: number;
      attempts: number;
      durationMs: number;
    } & ShipperLabels)
  | ({
      kind: 'batch-retry';
      reason: SinkReason;
      detail: string;
      documents: number;
      attempt: number;
      waitMs: number;
    } & ShipperLabels)
  | ({ kind: 'batch-split'; documents: number; detail: string } & ShipperLabels)
  | ({
      kind: 'sink-state';
      ready: boolean;
      reason: SinkReason | 'dead-letter-full' | '';
      detail: string;
    } & ShipperLabels)
  | ({ kind: 'documents-duplicate'; documents: number } & ShipperLabels)
  | ({ kind: 'documents-in-failure-store'; documents: number } & ShipperLabels)
  | ({ kind: 'dead-letter-written'; reason: string; bytes: number } & ShipperLabels)
  | ({ kind: 'dead-letter-full'; maxBytes: number } & ShipperLabels)
  | ({ kind: 'dead-letter-write-failed'; detail: string } & ShipperLabels)
  | ({ kind: 'slice-opened'; path: string } & ShipperLabels)
  | ({ kind: 'slice-finished'; path: string; bytes: number } & ShipperLabels)
  | ({ kind: 'slice-missing'; path: string; bytes: number } & ShipperLabels)
  | ({ kind: 'slice-unfinished'; detail: string } & ShipperLabels)
  | ({ kind: 'secret-file-changed'; path: string } & ShipperLabels)
  // checkpoint
  | ({ kind: 'position-loaded'; path: string; fingerprint: string; offset: number } & ShipperLabels)
  | ({ kind: 'position-absent'; startAt: string } & ShipperLabels)
  | ({ kind: 'position-corrupt'; setAside: string; detail: string } & ShipperLabels)
  | ({ kind: 'position-write-failed'; detail: string } & ShipperLabels)
  | ({ kind: 'position-written'; offset: number; settledAtMs: number } & ShipperLabels);

export type InternalEventKind = InternalEvent['kind'];

export interface Telemetry {
  emit(event: InternalEvent): void;
}

/** For code that runs without an agent around it (commands, tests). */
export const silentTelemetry: Telemetry = { emit: () => {} };
