import { commitDocument } from '../../document/commit-document.ts';
import { createDocumentEncoder } from '../../document/document-encoder.ts';
import type { DocumentEncoder, DocumentEncoderOptions } from '../../document/document-encoder.ts';
import { ownDocument } from '../../document/own-document.ts';
import { restoreLine } from '../../document/restore-line.ts';
import type { EventRecord } from '../../event/record.ts';
import type { OwnRecord } from '../../event/own-record.ts';
import type { Batch } from '../batch.ts';
import type { DocumentContext } from '../definition.ts';
import { withoutBodies } from './without-bodies.ts';

const LINE_FEED = 0x0a;

/** The parts of `data_stream.*` in documents that no data stream takes: the ones they would have in Elasticsearch by default. */
const DATA_STREAM = 'logs-kubernetes.audit_logs-default';

/** What a line of output is: the Elasticsearch document of an event, or the line as it stands in the log. */
export type LineFormat = 'document' | 'raw';

export interface NdjsonPlace {
  /** Where the line of output begins in the batch's buffer; what stands between `batch.length` and it belongs to the document. */
  readonly at: number;
  readonly form: 'whole' | 'without-bodies';
}

/** Puts events into batches as lines of output. One encoder per sink. */
export interface NdjsonEncoder {
  /** Upper bound of the bytes of an event's line of output, line feed included. */
  maxBytes(record: EventRecord, form: NdjsonPlace['form']): number;
  /** Writes the line of output, for which `maxBytes` bytes must be free, and commits the document to the batch. */
  put(record: EventRecord, batch: Batch, place: NdjsonPlace): void;
  /** The line of output of a record about the agent itself, line feed included. In both formats: loss must be told in either. */
  ownLine(record: OwnRecord): Buffer;
  /** The line of the log that a document was made of; `headBytes` is what stands before the line of output. */
  lineOf(batch: Batch, index: number, headBytes: number): Buffer;
}

export interface NdjsonOptions {
  readonly format: LineFormat;
  readonly document: DocumentContext;
  readonly nowMs: () => number;
}

export function createNdjsonEncoder(options: NdjsonOptions): NdjsonEncoder {
  const { document, nowMs } = options;
  const documents: DocumentEncoderOptions = { dataStream: DATA_STREAM, nowMs };
  const ownLine = (record: OwnRecord): Buffer =>
    Buffer.concat([ownDocument(record, document, documents), Buffer.of(LINE_FEED)]);
  if (options.format === 'raw') return { ...rawEncoder, ownLine };
  return { ...documentEncoder(createDocumentEncoder(document, documents)), ownLine };
}

function documentEncoder(encoder: DocumentEncoder): Omit<NdjsonEncoder, 'ownLine'> {
  return {
    maxBytes: (record, form) => encoder.maxBytes(record, form) + 1,
    put: (record, batch, { at, form }) => {
      const end = encoder.write(record, batch.buffer, at, form);
      batch.buffer[end] = LINE_FEED;
      commitDocument(encoder, record, batch, end + 1);
    },
    lineOf: (batch, index) => restoreLine(batch, index),
  };
}

const rawEncoder: Omit<NdjsonEncoder, 'ownLine'> = {
  maxBytes: (record) => Math.max(record.end - record.start, record.rawLine?.length ?? 0) + 1,
  put: (record, batch, { at, form }) => {
    const end = form === 'whole' ? putRaw(record, batch, at) : withoutBodies(record, batch.buffer, at);
    batch.buffer[end] = LINE_FEED;
    if (form !== 'whole') batch.rawLines.set(batch.count, rawLineOf(record));
    const { file, offset } = record;
    batch.commit(end + 1, at, { file, start: offset, end: offset + record.lineBytes });
  },
  lineOf: (batch, index, headBytes) => {
    const kept = batch.rawLines.get(index);
    if (kept !== undefined) return kept;
    return Buffer.from(
      batch.buffer.subarray(batch.documentStart(index) + headBytes, batch.documentEnd(index) - 1),
    );
  },
};

/** The line as it stands in the file, also where it is no UTF-8: an archive of raw lines is one of evidence. */
function putRaw(record: EventRecord, batch: Batch, at: number): number {
  const { rawLine, bytes, start, end } = record;
  if (rawLine !== undefined) return at + rawLine.copy(batch.buffer, at);
  return at + bytes.copy(batch.buffer, at, start, end);
}

function rawLineOf(record: EventRecord): Buffer {
  return record.rawLine ?? Buffer.from(record.bytes.subarray(record.start, record.end));
}
