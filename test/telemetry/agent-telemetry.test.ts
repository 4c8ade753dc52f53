import { describe, expect, it } from '@jest/globals';
import { pino } from 'pino';
import { createAgentMetrics } from '../../agent/telemetry/agent-metrics.ts';
import { createTelemetry } from '../../agent/telemetry/agent-telemetry.ts';
import type { InternalEvent, InternalEventKind, Telemetry } from '../../agent/telemetry/events.ts';
import { MetricRegistry } from '../../agent/telemetry/metrics.ts';
import { EVENT_TABLE } from '../../agent/telemetry/table.ts';
import { parseMetrics } from '../support/prometheus-text.ts';

const SHIPPER = { log: 'api', sink: 'siem' };
const PREFIX = 'kube_audit_agent_';

const RETRY: InternalEvent = {
  kind: 'batch-retry',
  reason: 'server',
  detail: '503',
  documents: 5,
  attempt: 1,
  waitMs: 500,
  ...SHIPPER,
};

interface Rig {
  readonly telemetry: Telemetry;
  readonly logged: () => Record<string, unknown>[];
  readonly metric: (name: string, labels?: Readonly<Record<string, string>>) => Promise<number | undefined>;
  nowMs: number;
}

function rig(level = 'debug'): Rig {
  const lines: string[] = [];
  const registry = new MetricRegistry();
  const metrics = createAgentMetrics(registry);
  const logger = pino(
    { level, base: null, formatters: { level: (label) => ({ level: label }) } },
    {
      write: (line: string) => void lines.push(line),
    },
  );
  const made: Rig = {
    telemetry: createTelemetry({ logger, metrics, monotonicMs: () => made.nowMs }),
    logged: () => lines.map((line) => JSON.parse(line) as Record<string, unknown>),
    metric: async (name, labels = {}) => {
      const wanted = { ...SHIPPER, ...labels };
      const { samples } = parseMetrics(await registry.render());
      return samples.find(
        (one) => one.name === PREFIX + name && JSON.stringify(one.labels) === JSON.stringify(wanted),
      )?.value;
    },
    nowMs: 1_000_000,
  };
  return made;
}

describe('telemetry', () => {
  it('makes the log line and the metrics of one event', async () => {
    const { telemetry, logged, metric } = rig();

    telemetry.emit(RETRY);

    expect(logged()).toEqual([
      expect.objectContaining({
        level: 'warn',
        event: 'batch-retry',
        log: 'api',
        sink: 'siem',
        reason: 'server',
        detail: '503',
        msg: 'A batch was not taken; it is sent again',
      }),
    ]);
    expect(await metric('retries_total', { reason: 'server' })).toBe(1);
  });

  it('says what repeats at once, then once in 30 s with the number held back, and counts all of it', async () => {
    const at = rig();

    for (let second = 0; second <= 65; second++) {
      at.telemetry.emit(RETRY);
      at.nowMs += 1000;
    }

    expect(at.logged().map((line) => line['suppressed'])).toEqual([undefined, 29, 29]);
    expect(await at.metric('retries_total', { reason: 'server' })).toBe(66);
  });

  it('holds back for each shipper apart', () => {
    const { telemetry, logged } = rig();

    telemetry.emit(RETRY);
    telemetry.emit({ ...RETRY, sink: 'archive' });
    telemetry.emit(RETRY);

    expect(logged().map((line) => line['sink'])).toEqual(['siem', 'archive']);
  });

  it('says at once that a log is unreadable after it was readable again', async () => {
    const { telemetry, logged, metric } = rig();
    const unreadable: InternalEvent = {
      kind: 'log-unreadable',
      path: '/a',
      code: 'LOG_PERMISSION',
      detail: 'permission denied',
      ...SHIPPER,
    };

    telemetry.emit(unreadable);
    telemetry.emit({ kind: 'log-readable-again', path: '/a', ...SHIPPER });
    telemetry.emit(unreadable);
    telemetry.emit(unreadable);

    expect(logged().map((line) => line['event'])).toEqual([
      'log-unreadable',
      'log-readable-again',
      'log-unreadable',
    ]);
    expect(await metric('log_readable')).toBe(0);
  });

  it('says every gap', async () => {
    const { telemetry, logged, metric } = rig('error');
    const gap = { kind: 'gap', reason: 'file-deleted', path: '/a', fingerprint: 'f', offset: 10 } as const;

    telemetry.emit({ ...gap, unreadBytes: 90, ...SHIPPER });
    telemetry.emit({ ...gap, unreadBytes: undefined, ...SHIPPER });

    expect(logged().map((line) => [line['level'], line['unreadBytes']])).toEqual([
      ['error', 90],
      ['error', undefined],
    ]);
    expect(await metric('gaps_total', { reason: 'file-deleted' })).toBe(2);
    expect(await metric('gap_bytes_total')).toBe(90);
  });

  it('counts below the log level too, and writes no line', async () => {
    const { telemetry, logged, metric } = rig('error');

    telemetry.emit({
      kind: 'batch-settled',
      documents: 10,
      bytes: 2000,
      lineBytes: 1000,
      attempts: 1,
      durationMs: 20,
      ...SHIPPER,
    });

    expect(logged()).toEqual([]);
    expect(await metric('batches_total')).toBe(1);
    expect(await metric('settled_bytes_total')).toBe(1000);
    expect(await metric('batch_duration_seconds_count')).toBe(1);
  });

  it('shows the counters of a shipper with 0 from its start', async () => {
    const { telemetry, metric } = rig();

    telemetry.emit({ kind: 'position-absent', startAt: 'beginning', ...SHIPPER });

    for (const name of ['events_total', 'batches_total', 'gap_bytes_total', 'lines_total'])
      expect([name, await metric(name)]).toEqual([name, 0]);
  });

  it('shows whether a sink takes events, from its start', async () => {
    const { telemetry, metric } = rig();
    const state = { kind: 'sink-state', detail: '', ...SHIPPER } as const;

    telemetry.emit({ kind: 'position-absent', startAt: 'beginning', ...SHIPPER });
    expect(await metric('sink_ready')).toBe(1);
    telemetry.emit({ ...state, ready: false, reason: 'auth' });
    expect(await metric('sink_ready')).toBe(0);
    telemetry.emit({ ...state, ready: true, reason: '' });

    expect(await metric('sink_ready')).toBe(1);
  });

  it('keeps lag, and takes the time until deletion out while it is not known', async () => {
    const { telemetry, metric } = rig();
    const lag = { kind: 'lag', bytes: 100, files: 2, seconds: 3.5 } as const;

    telemetry.emit({ ...lag, untilDeletionSeconds: 600, ...SHIPPER });
    expect([
      await metric('lag_bytes'),
      await metric('lag_seconds'),
      await metric('until_deletion_seconds'),
    ]).toEqual([100, 3.5, 600]);
    telemetry.emit({ ...lag, untilDeletionSeconds: undefined, ...SHIPPER });

    expect(await metric('until_deletion_seconds')).toBeUndefined();
  });

  it('has a row for each kind of event that logs, counts or both', () => {
    const kinds = Object.keys(EVENT_TABLE) as InternalEventKind[];

    const idle = kinds.filter(
      (kind) => EVENT_TABLE[kind].line === undefined && EVENT_TABLE[kind].count === undefined,
    );

    expect(idle).toEqual([]);
  });
});
