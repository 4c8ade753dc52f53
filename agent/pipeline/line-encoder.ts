import { isUtf8 } from 'node:buffer';
import { InvariantError } from '../errors.ts';
import { LineFields, SLOT } from '../event/fields.ts';
import type { EventRecord } from '../event/record.ts';
import { scanLine } from '../event/scan.ts';
import { parseMicroTime } from '../event/timestamp.ts';
import type { LogFile, LogStep } from '../log/log.ts';
import type { Batch } from '../sink/batch.ts';
import type { Sink } from '../sink/sink.ts';
import type { EventPiece } from './line-pieces.ts';

const LINE_FEED = 10;

export type LinesStep = LogStep & { status: 'lines' };

/**
 * Why encoding stopped: the step is used up; the batch has no room for the line at `at` (`neededBytes`, 0: enough documents); the
 * line at `at` is not as the API server writes events and needs a closer look.
 */
export type EncodeStop = 'end' | 'full' | 'unusual';

/**
 * Turns the lines of a step into documents. This is the hot path: per line it makes no object, string, promise or closure; one record
 * and one set of fields serve all lines.
 */
export class LineEncoder {
  readonly record: EventRecord;
  /** Where in the step's bytes to go on. */
  at = 0;
  neededBytes = 0;
  events = 0;
  emptyLines = 0;
  nulBytes = 0;
  /** Lines that went the slow way, and events that are not quite as they were logged. */
  unusualLines = 0;
  degraded = 0;
  /** `stageTimestamp` of the first and last event encoded since `begin`, ms; 0 where there was none. */
  firstStageMs = 0;
  lastStageMs = 0;
  readonly #sink: Sink;
  #step: LinesStep | undefined;
  #utf8 = true;
  #lastStageStart = -1;
  #lastStageEnd = -1;

  constructor(sink: Sink) {
    this.#sink = sink;
    const bytes = Buffer.alloc(0);
    const file = { fingerprint: '', path: '', inode: 0 };
    const place = { bytes, start: 0, end: 0, file, offset: 0, lineBytes: 0 };
    this.record = { ...place, fields: new LineFields(), degraded: '', rawLine: undefined };
  }

  /** Starts on a step; its bytes must stay valid until `encode` has returned `end`. */
  begin(step: LinesStep): void {
    this.#step = step;
    this.#utf8 = isUtf8(step.bytes.subarray(step.start, step.end));
    this.at = step.start;
    this.events = 0;
    this.emptyLines = 0;
    this.nulBytes = 0;
    this.unusualLines = 0;
    this.degraded = 0;
    this.firstStageMs = 0;
    this.lastStageMs = 0;
  }

  /** Encodes from `at` into the batch as far as it goes. */
  encode(batch: Batch, maxEvents: number): EncodeStop {
    const step = this.#step;
    if (step === undefined) return 'end';
    this.#lastStageStart = -1;
    const stop = this.#encodeLines(step, batch, maxEvents);
    if (this.#lastStageStart >= 0) this.#noteStage(step);
    return stop;
  }

  /** Goes on at `at`, past a line that the caller has dealt with. */
  skipTo(at: number): void {
    this.at = at;
  }

  /** Encodes an event of an unusual line. Returns as `Sink.encode` does. */
  encodePiece(file: LogFile, piece: EventPiece, batch: Batch): number {
    const { record } = this;
    const { bytes } = piece;
    if (scanLine(bytes, 0, bytes.length, record.fields) !== bytes.length)
      throw new InvariantError('a decoded event is not one that the scan accepts');
    record.bytes = bytes;
    record.start = 0;
    record.end = bytes.length;
    record.file = file;
    record.offset = piece.offset;
    record.lineBytes = piece.lineBytes;
    record.degraded = piece.degraded;
    record.rawLine = piece.rawLine;
    const needed = this.#sink.encode(record, batch);
    if (needed > 0) return needed;
    this.events += 1;
    if (piece.degraded !== '') this.degraded += 1;
    this.#takeStage(
      parseMicroTime(
        bytes,
        record.fields.starts[SLOT.stageTimestamp] ?? -1,
        record.fields.ends[SLOT.stageTimestamp] ?? -1,
      ),
    );
    return 0;
  }

  #encodeLines(step: LinesStep, batch: Batch, maxEvents: number): EncodeStop {
    const { bytes, end } = step;
    const { record } = this;
    const { fields } = record;
    const { starts, ends } = fields;
    record.bytes = bytes;
    record.file = step.file;
    record.degraded = '';
    record.rawLine = undefined;
    const shift = step.offset - step.start;
    let at = this.#skipBlank(bytes, this.at, end);
    while (at < end) {
      if (batch.count >= maxEvents) return this.#stop('full', at, 0);
      const lineEnd = scanLine(bytes, at, end, fields);
      if (lineEnd < 0 || bytes[lineEnd] !== LINE_FEED) return this.#stop('unusual', at, 0);
      if (!this.#utf8 && !isUtf8(bytes.subarray(at, lineEnd))) return this.#stop('unusual', at, 0);
      record.start = at;
      record.end = lineEnd;
      record.offset = shift + at;
      record.lineBytes = lineEnd - at;
      const needed = this.#sink.encode(record, batch);
      if (needed > 0) return this.#stop('full', at, needed);
      this.events += 1;
      this.#lastStageStart = starts[SLOT.stageTimestamp] ?? -1;
      this.#lastStageEnd = ends[SLOT.stageTimestamp] ?? -1;
      if (this.firstStageMs === 0) this.#noteStage(step);
      at = this.#skipBlank(bytes, lineEnd + 1, end);
    }
    return this.#stop('end', at, 0);
  }

  #stop(stop: EncodeStop, at: number, neededBytes: number): EncodeStop {
    this.at = at;
    this.neededBytes = neededBytes;
    return stop;
  }

  /** Past empty lines and runs of NUL, which `copytruncate` leaves and which hold nothing. */
  #skipBlank(bytes: Buffer, from: number, end: number): number {
    let at = from;
    for (; at < end; at += 1) {
      const byte = bytes[at];
      if (byte === LINE_FEED) this.emptyLines += 1;
      else if (byte === 0) this.nulBytes += 1;
      else break;
    }
    return at;
  }

  #noteStage(step: LinesStep): void {
    this.#takeStage(parseMicroTime(step.bytes, this.#lastStageStart, this.#lastStageEnd));
  }

  #takeStage(stageMs: number): void {
    if (Number.isNaN(stageMs)) return;
    this.lastStageMs = stageMs;
    if (this.firstStageMs === 0) this.firstStageMs = stageMs;
  }
}
