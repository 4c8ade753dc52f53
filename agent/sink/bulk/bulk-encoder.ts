import { isUtf8 } from 'node:buffer';
import { createDocumentEncoder } from '../../document/document-encoder.ts';
import type { DocumentEncoder, DocumentForm } from '../../document/document-encoder.ts';
import { commitDocument } from '../../document/commit-document.ts';
import { ownDocument } from '../../document/own-document.ts';
import { restoreLine } from '../../document/restore-line.ts';
import { decodeLine } from '../../event/decode.ts';
import { DOCUMENT_ID_LENGTH, documentIdPart, writeDocumentId } from '../../event/document-id.ts';
import { LineFields } from '../../event/fields.ts';
import { ownRecordId } from '../../event/own-record.ts';
import type { OwnRecord } from '../../event/own-record.ts';
import type { EventRecord, RecordFile } from '../../event/record.ts';
import { scanLine } from '../../event/scan.ts';
import { Batch } from '../batch.ts';
import type { SinkContext } from '../definition.ts';
import type { Reduction } from '../sink.ts';

const ACTION_HEAD = '{"create":{"_id":"';
const ACTION = `${ACTION_HEAD}${' '.repeat(DOCUMENT_ID_LENGTH)}"}}\n`;
const ACTION_BYTES = ACTION.length;
const LINE_FEED = 10;

/** A form that saves less than this is no smaller document, only one that says something else about itself. */
const LEAST_SAVING_BYTES = 512;

const OWN_RECORD_FILE: RecordFile = { fingerprint: '', path: '', inode: 0 };

/**
 * Writes what a bulk request is made of: for each document the action `create` with the id that says where the line stands, and the
 * document. `create` with an id of our own is what makes it safe to send anything twice.
 */
export class BulkEncoder {
  readonly #context: SinkContext;
  readonly #options: { readonly dataStream: string; readonly nowMs: () => number };
  readonly #encoder: DocumentEncoder;
  /** When the batch was begun that is written to; 0 where nobody said. */
  #batchMs = 0;
  #idFile: RecordFile = OWN_RECORD_FILE;
  #idPart: Uint8Array = documentIdPart('');
  /** The action of the document written last; only the id in it changes. */
  readonly #action = Buffer.from(ACTION);

  constructor(context: SinkContext, dataStream: string) {
    this.#context = context;
    // One time for all of a batch: the hot path asks no clock, and the batch compresses better.
    this.#options = { dataStream, nowMs: () => this.#batchMs || context.nowMs() };
    this.#encoder = createDocumentEncoder(context.document, this.#options);
  }

  /** As `Sink.encode`. Runs once per line and allocates nothing. */
  encode(record: EventRecord, batch: Batch): number {
    const neededBytes = ACTION_BYTES + this.#encoder.maxBytes(record) + 1;
    if (batch.buffer.length - batch.length < neededBytes) return neededBytes;
    commitDocument(this.#encoder, record, batch, this.#write(record, batch, 'whole'));
    return 0;
  }

  /** As `Sink.encodeReduced`: the event without its bodies. */
  encodeReduced(record: EventRecord, batch: Batch): number {
    return this.#encodeIn('without-bodies', record, batch, 'too-large');
  }

  /** As `Sink.encodeOwn`. */
  encodeOwn(record: OwnRecord, batch: Batch): number {
    const action = JSON.stringify({ create: { _id: ownRecordId(record) } });
    const document = ownDocument(record, this.#context.document, this.#options);
    const text = Buffer.concat([Buffer.from(`${action}\n`), document, Buffer.from('\n')]);
    if (batch.buffer.length - batch.length < text.length) return text.length;
    text.copy(batch.buffer, batch.length);
    // No line of a log says what this document says, so should the server refuse it, the document itself is what is put on record.
    batch.rawLines.set(batch.count, document);
    batch.commit(batch.length + text.length, 0, { file: OWN_RECORD_FILE, start: 0, end: 0 });
    return 0;
  }

  /** As `Sink.reduce`. A document that holds no whole event any more has been reduced before. */
  reduce(batch: Batch, index: number, reduction: Reduction, why: string): Batch | undefined {
    if (reduction === 'bodies-as-text' && batch.eventStarts[index] === 0) return undefined;
    const origin = batch.origin(index);
    const line = restoreLine(batch, index);
    const event = eventOf(line);
    if (origin === undefined || event === undefined) return undefined;
    const lineBytes = origin.end - origin.start;
    const record: EventRecord = {
      ...event,
      file: origin.file,
      offset: origin.start,
      lineBytes,
      rawLine: line,
    };
    const reduced = new Batch(Buffer.allocUnsafeSlow(this.#maxBytes(record, reduction)));
    reduced.openedAtMs = batch.openedAtMs;
    this.#encodeIn(reduction, record, reduced, why);
    if (reduction === 'bodies-as-text') return reduced;
    const refusedBytes = batch.documentEnd(index) - batch.documentStart(index);
    return reduced.length + LEAST_SAVING_BYTES < refusedBytes ? reduced : undefined;
  }

  #maxBytes(record: EventRecord, form: DocumentForm): number {
    return ACTION_BYTES + this.#encoder.maxBytes(record, form) + 1;
  }

  /** Commits with event start 0, which is how a reduced document is known later. Its line is kept: it cannot be had from the document. */
  #encodeIn(form: Reduction, record: EventRecord, batch: Batch, why: string): number {
    const neededBytes = this.#maxBytes(record, form);
    if (batch.buffer.length - batch.length < neededBytes) return neededBytes;
    const { file, offset, lineBytes } = record;
    const line = record.rawLine ?? Buffer.from(record.bytes.subarray(record.start, record.end));
    batch.rawLines.set(batch.count, line);
    const end = this.#write(record, batch, form, why);
    batch.commit(end, 0, { file, start: offset, end: offset + lineBytes });
    return 0;
  }

  /** The document first, because reading its times also gives the one that is part of the id. */
  #write(record: EventRecord, batch: Batch, form: DocumentForm, note?: string): number {
    const { buffer, length } = batch;
    this.#batchMs = batch.openedAtMs;
    const end = this.#encoder.write(record, buffer, length + ACTION_BYTES, form, note);
    buffer[end] = LINE_FEED;
    if (record.file !== this.#idFile) this.#useFile(record.file);
    writeDocumentId(this.#action, ACTION_HEAD.length, this.#encoder.stageTimeMs, this.#idPart, record.offset);
    buffer.set(this.#action, length);
    return end + 1;
  }

  #useFile(file: RecordFile): void {
    this.#idFile = file;
    this.#idPart = documentIdPart(file.fingerprint);
  }
}

type ScannedEvent = Pick<EventRecord, 'bytes' | 'start' | 'end' | 'fields' | 'degraded'>;

/** The event of a line again, from the line alone. */
function eventOf(line: Buffer): ScannedEvent | undefined {
  const fields = new LineFields();
  if (isUtf8(line) && scanLine(line, 0, line.length, fields) === line.length)
    return { bytes: line, start: 0, end: line.length, fields, degraded: '' };
  const decoded = decodeLine(line);
  if (decoded.status !== 'event') return undefined;
  const { bytes, degraded } = decoded;
  if (scanLine(bytes, 0, bytes.length, fields) !== bytes.length) return undefined;
  return { bytes, start: 0, end: bytes.length, fields, degraded };
}
