import type { LineFields } from './fields.ts';

/** The file an event stands in, as far as documents and ids need it. */
export interface RecordFile {
  /** SHA-256 of the first line of the decompressed file, 64 hexadecimal digits. */
  readonly fingerprint: string;
  readonly path: string;
  readonly inode: number;
}

/** Where a record about the agent itself stands: in no file. */
export const NO_FILE: RecordFile = { fingerprint: '', path: '', inode: 0 };

/**
 * One event as the shipper hands it to a sink: bytes, where its values stand, and where it stands in the log.
 * The shipper reuses one record for all lines, so nothing of it may be kept once `encode` has returned.
 */
export interface EventRecord {
  /** `bytes[start]` is the event's `{`, `bytes[end - 1]` its `}`. Always UTF-8, never with a line feed inside. */
  bytes: Buffer;
  start: number;
  end: number;
  fields: LineFields;
  file: RecordFile;
  /** Byte offset of the event's `{` in the decompressed file. */
  offset: number;
  /** Length in the file from `{` to `}`; differs from `end - start` where the bytes had to be made anew. */
  lineBytes: number;
  /** Why the event is not as the API server wrote it: `utf8` (bytes that are no UTF-8 became U+FFFD); empty otherwise. */
  degraded: '' | 'utf8';
  /** The line as it stands in the file where `bytes` is not that line; kept for the dead letter. */
  rawLine: Buffer | undefined;
}
