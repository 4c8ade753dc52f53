import type { OwnRecord } from '../event/own-record.ts';
import type { LogGap } from '../log/log.ts';

export interface GapContext {
  readonly log: string;
  readonly node: string;
  readonly timeMs: number;
  readonly counter: number;
  /** `stageTimestamp` of the last event settled before the gap and of the first one read after it, ms; 0 where unknown. */
  readonly lastBeforeMs: number;
  readonly firstAfterMs: number;
}

const REASONS: Readonly<Record<LogGap['reason'], string>> = {
  'file-deleted': 'a file was deleted before it had been read to its end',
  truncated: 'the file was truncated before it had been read to its end',
  'damaged-archive': 'a compressed backup is damaged from some point on',
  'look-alike': 'a file begins with the same line as another one and cannot be told from it',
  unlinked: 'the live file was unlinked while the API server went on writing to it',
};

/** The record that tells the sink what is missing, as far as it is known. */
export function gapRecord(gap: LogGap, context: GapContext): OwnRecord {
  const { lastBeforeMs, firstAfterMs } = context;
  const known = gap.unreadBytes === undefined ? 'an unknown number of' : String(gap.unreadBytes);
  return {
    kind: 'gap',
    node: context.node,
    timeMs: context.timeMs,
    counter: context.counter,
    log: context.log,
    summary: `Audit events may be missing: ${REASONS[gap.reason]} (${known} bytes unread)`,
    fields: {
      reason: gap.reason,
      path: gap.file.path,
      fingerprint: gap.file.fingerprint,
      offset: gap.offset,
      ...(gap.unreadBytes === undefined ? {} : { unread_bytes: gap.unreadBytes }),
      ...(lastBeforeMs === 0 ? {} : { last_event_before: new Date(lastBeforeMs).toISOString() }),
      ...(firstAfterMs === 0 ? {} : { first_event_after: new Date(firstAfterMs).toISOString() }),
    },
  };
}
