/**
 * A record about the agent itself, shipped beside the events so that loss and silence can be seen and alerted on in the sink.
 * It has no `auditID`; its id is made of kind, node, time and a counter.
 */
export interface OwnRecord {
  readonly kind: 'gap';
  readonly node: string;
  /** ms since the epoch. */
  readonly timeMs: number;
  /** Tells records of one kind, node and millisecond apart. */
  readonly counter: number;
  readonly log: string;
  /** One sentence for people. */
  readonly summary: string;
  /** Plain values under `k8s_audit.<kind>`. */
  readonly fields: Readonly<Record<string, string | number>>;
}

/** The id under which sinks that know ids store the record: readable, and out of the range of event ids (they have 24 characters). */
export function ownRecordId(record: OwnRecord): string {
  return `own-${record.kind}-${record.timeMs}-${record.counter}-${record.node}`;
}
