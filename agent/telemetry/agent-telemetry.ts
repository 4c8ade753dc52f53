import type { AgentMetrics } from './agent-metrics.ts';
import type { InternalEvent, InternalEventKind, Telemetry } from './events.ts';
import type { Logger } from './logger.ts';
import { Repetition } from './repetition.ts';
import { EVENT_TABLE, type LogLine } from './table.ts';

export interface TelemetryOptions {
  readonly logger: Logger;
  readonly metrics: AgentMetrics;
  /** Milliseconds that only ever grow. */
  readonly monotonicMs: () => number;
}

/** Turns each event into its log line and its metrics, as the table says. */
export function createTelemetry(options: TelemetryOptions): Telemetry {
  const { logger, metrics, monotonicMs } = options;
  const repetition = new Repetition(monotonicMs);

  const emit = (event: InternalEvent): void => {
    const row = rowOf(event);
    row.count?.(event, metrics);
    const line = row.line?.(event);
    if (line === undefined) return;
    if (line.ends !== undefined) repetition.forget(repetitionKey(line.ends, event));
    if (!logger.isLevelEnabled(line.level)) return;
    const suppressed = line.repeats === true ? repetition.pass(repetitionKey(event.kind, event)) : 0;
    if (suppressed !== undefined) write(logger, event, line, suppressed);
  };
  return { emit };
}

interface AnyRow {
  readonly line?: (event: InternalEvent) => LogLine | undefined;
  readonly count?: (event: InternalEvent, metrics: AgentMetrics) => void;
}

/** The row of an event takes exactly that kind of event; the type of a looked-up row cannot say so. */
function rowOf(event: InternalEvent): AnyRow {
  return EVENT_TABLE[event.kind] as AnyRow;
}

function write(logger: Logger, event: InternalEvent, line: LogLine, suppressed: number): void {
  const shipper = 'log' in event ? { log: event.log, sink: event.sink } : {};
  const held = suppressed > 0 ? { suppressed } : {};
  logger[line.level]({ event: event.kind, ...shipper, ...line.fields, ...held }, line.sentence);
}

function repetitionKey(kind: InternalEventKind, event: InternalEvent): string {
  return 'log' in event ? `${kind}/${event.log}/${event.sink}` : kind;
}
