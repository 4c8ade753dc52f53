/** How the content of a file ends, as far as it has been read. */
export type ContentEnd =
  /** More may come. */
  | 'open'
  /** An archive that ends as it should. */
  | 'complete'
  /** An archive that ends early: it is still being written, or it was cut. */
  | 'cut-short'
  /** An archive whose bytes or checksum are wrong. */
  | 'damaged';

/** Reads the decompressed content of one open file, forward. */
export interface LogReader {
  /** Offset in the decompressed content of the byte that is read next. */
  readonly position: number;
  /** Bytes read of the file as it is stored. */
  readonly storedPosition: number;
  readonly ending: ContentEnd;
  /** Puts up to `maxBytes` into `target[at..]`. Returns 0 where nothing more is there now; rejects with the file system's error. */
  read(target: Buffer, at: number, maxBytes: number): Promise<number>;
  /** Passes over content. Returns false where it ends, or the signal aborts, before that. */
  skipTo(position: number, signal: AbortSignal): Promise<boolean>;
  /** A second reader over the same open file, at its beginning. */
  fresh(): LogReader;
  /** Frees what the reader holds; the open file stays the owner's. */
  close(): void;
}
