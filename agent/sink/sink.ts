import type { SinkReason } from '../errors.ts';
import type { EventRecord } from '../event/record.ts';
import type { OwnRecord } from '../event/own-record.ts';
import type { Batch } from './batch.ts';

/** A document that the sink will never take as it is. */
export interface Rejection {
  /** Index of the document in the batch that was sent. */
  readonly index: number;
  /** Bounded word for metrics and the dead letter, such as `document_parsing_exception`. */
  readonly kind: string;
  /** The server's own words; may quote values of the event, so it goes to no log line. */
  readonly detail: string;
}

export interface Retry {
  readonly reason: SinkReason;
  /** What the server said or what went wrong, in one line without secrets, for the log and `/readyz`. */
  readonly detail: string;
  /** Wait asked for by the server, ms. */
  readonly afterMs?: number;
}

/**
 * What became of a batch. What is not named was delivered. `state` is what the sink wants back in `open` after a restart, as of this
 * batch (the `file` sink: how long its slices are); it is stored with the position.
 */
export type SendResult =
  | { status: 'delivered'; state?: unknown }
  /** Some or all documents (`which` absent: all) are to be sent again; `rejected` names those that are not. */
  | { status: 'retry'; retry: Retry; which?: readonly number[]; rejected?: readonly Rejection[] }
  /** The request is too large for the server: send less at once. One document alone: make it smaller. */
  | { status: 'too-large'; detail: string }
  | { status: 'rejected'; rejected: readonly Rejection[] };

/** One thing that `sink check` looked at. */
export interface CheckFinding {
  readonly name: string;
  readonly verdict: 'ok' | 'warn' | 'fail';
  readonly detail: string;
}

/** One thing that `sink setup` creates: what is sent where, so that it can be printed instead. */
export interface SetupStep {
  readonly name: string;
  readonly method: 'PUT' | 'POST';
  readonly path: string;
  readonly body: unknown;
}

export interface SetupOutcome {
  readonly step: string;
  readonly status: 'created' | 'exists' | 'unavailable' | 'failed';
  readonly detail: string;
}

/** How a body is treated when a document must become smaller or safer. */
export type Reduction =
  /** Bodies travel as one escaped string in an unindexed field: the server could not parse them. */
  | 'bodies-as-text'
  /** Bodies are left out: the document is too large. */
  | 'without-bodies';

/**
 * Where events go. A sink belongs to one shipper and knows nothing of others. `send` does not throw for anything a network or server
 * can do; a rejected promise is a bug and ends the process.
 */
export interface Sink {
  /** Batches that may be on their way at once. */
  readonly maxInFlight: number;
  /** Called once, before the first `encode`. `state` is what the last settled batch's SendResult carried before the restart. */
  open(state: unknown, signal: AbortSignal): Promise<void>;
  /**
   * Puts the event's document at the end of the batch. Returns 0, or, with the batch as it was, the bytes that the document may need
   * where fewer are free. Synchronous: it runs once per line.
   */
  encode(record: EventRecord, batch: Batch): number;
  /** The same for a record about the agent itself, such as a gap. */
  encodeOwn(record: OwnRecord, batch: Batch): number;
  /** The event without its bodies, for a line whose whole document can never fit. Returns as `encode` does. */
  encodeReduced(record: EventRecord, batch: Batch): number;
  /** Sends a sealed batch. The batch stays the caller's and unchanged, but for `batch.body`. */
  send(batch: Batch, signal: AbortSignal): Promise<SendResult>;
  /**
   * One document again in a form that has a better chance, as a batch of its own under the same id. Undefined where there is none: it
   * has no bodies, or it is reduced already.
   */
  reduce(batch: Batch, index: number, reduction: Reduction, why: string): Batch | undefined;
  /** The line that a document was made of, byte for byte. */
  lineOf(batch: Batch, index: number): Buffer;
  /** Makes delivered bytes durable before the position that covers them is written. */
  sync(): Promise<void>;
  /** Told after a position that carries `state` is on disk. */
  settled?(state: unknown): Promise<void>;
  close(): Promise<void>;
}
