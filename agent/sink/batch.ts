import type { ByteLease } from '../memory/byte-budget.ts';
import type { RecordFile } from '../event/record.ts';

const INITIAL_DOCUMENTS = 256;

/** What a batch knows of a document beside its bytes: where the event came from. */
export interface DocumentOrigin {
  readonly file: RecordFile;
  /** Byte offset of the event's `{` in the decompressed file, and just past its `}`. */
  readonly start: number;
  readonly end: number;
}

/**
 * Encoded documents, one after another in one buffer. An open batch is filled by `sink.encode`, a sealed one is sent, and a retry may
 * send a smaller one made of the same documents (`pick`).
 */
export class Batch {
  readonly buffer: Buffer;
  /** When the first document was put in, ms since the epoch; 0 while empty. */
  openedAtMs = 0;
  /** Bytes in use. */
  length = 0;
  /** Documents. */
  count = 0;
  /** Bytes of the lines that the documents were made of. */
  lineBytes = 0;
  /** Start of each document in `buffer`; it ends where the next one starts, the last one at `length`. */
  documentStarts = new Uint32Array(INITIAL_DOCUMENTS);
  /** Where the event stands inside each document, as an index of `buffer`; 0 where a document holds none. */
  eventStarts = new Uint32Array(INITIAL_DOCUMENTS);
  #originStarts = new Float64Array(INITIAL_DOCUMENTS);
  #originLengths = new Uint32Array(INITIAL_DOCUMENTS);
  #originFiles = new Uint16Array(INITIAL_DOCUMENTS);
  readonly #files: RecordFile[] = [];
  /** Lines whose document was not made of the bytes in the file, by document; see EventRecord.rawLine. */
  readonly rawLines = new Map<number, Buffer>();
  /** Underscores that stood in annotation keys before dots became underscores, as indexes of `buffer`, by document. */
  readonly keyUnderscores = new Map<number, number[]>();
  /** What the sink made of the bytes for sending (a compressed body), so that a retry sends the same. */
  body: Buffer | undefined;
  readonly #lease: ByteLease | undefined;

  constructor(buffer: Buffer, lease?: ByteLease) {
    this.buffer = buffer;
    this.#lease = lease;
  }

  /**
   * Records that `buffer[this.length..end)` now holds a document. `eventStart` is where its event stands in the buffer.
   */
  commit(end: number, eventStart: number, origin: DocumentOrigin): void {
    if (this.count === this.documentStarts.length) this.#grow();
    const index = this.count;
    this.documentStarts[index] = this.length;
    this.eventStarts[index] = eventStart;
    this.#originStarts[index] = origin.start;
    this.#originLengths[index] = origin.end - origin.start;
    this.#originFiles[index] = this.#fileIndex(origin.file);
    this.lineBytes += origin.end - origin.start;
    this.length = end;
    this.count = index + 1;
  }

  documentStart(index: number): number {
    return this.documentStarts[index] ?? 0;
  }

  documentEnd(index: number): number {
    return index + 1 < this.count ? (this.documentStarts[index + 1] ?? 0) : this.length;
  }

  origin(index: number): DocumentOrigin | undefined {
    const file = this.#files[this.#originFiles[index] ?? 0];
    if (file === undefined) return undefined;
    const start = this.#originStarts[index] ?? 0;
    return { file, start, end: start + (this.#originLengths[index] ?? 0) };
  }

  /** A sealed batch of some of this batch's documents, in the given order, with bytes of its own. */
  pick(indexes: readonly number[]): Batch {
    let total = 0;
    for (const index of indexes) total += this.documentEnd(index) - this.documentStart(index);
    const picked = new Batch(Buffer.allocUnsafeSlow(total));
    picked.openedAtMs = this.openedAtMs;
    for (const index of indexes) picked.#copyDocument(this, index);
    return picked;
  }

  /** Empties the batch for its next use; the buffer stays. */
  reset(): void {
    this.openedAtMs = 0;
    this.length = 0;
    this.count = 0;
    this.lineBytes = 0;
    this.body = undefined;
    this.#files.length = 0;
    this.rawLines.clear();
    this.keyUnderscores.clear();
  }

  /** Gives back what was leased for the buffer. The batch must not be used any more. */
  release(): void {
    this.#lease?.release();
  }

  #copyDocument(from: Batch, index: number): void {
    const origin = from.origin(index);
    if (origin === undefined) return;
    const start = from.documentStart(index);
    const shift = this.length - start;
    const target = this.count;
    const end = this.length + from.buffer.copy(this.buffer, this.length, start, from.documentEnd(index));
    const eventStart = from.eventStarts[index] ?? 0;
    this.commit(end, eventStart === 0 ? 0 : eventStart + shift, origin);
    const rawLine = from.rawLines.get(index);
    if (rawLine !== undefined) this.rawLines.set(target, rawLine);
    const underscores = from.keyUnderscores.get(index);
    if (underscores !== undefined)
      this.keyUnderscores.set(
        target,
        underscores.map((at) => at + shift),
      );
  }

  #fileIndex(file: RecordFile): number {
    const last = this.#files.length - 1;
    if (this.#files[last] === file) return last;
    const known = this.#files.indexOf(file);
    return known >= 0 ? known : this.#files.push(file) - 1;
  }

  #grow(): void {
    const size = this.documentStarts.length * 2;
    const grown = <T extends { set(from: T): void }>(to: T, from: T): T => {
      to.set(from);
      return to;
    };
    this.documentStarts = grown(new Uint32Array(size), this.documentStarts);
    this.eventStarts = grown(new Uint32Array(size), this.eventStarts);
    this.#originStarts = grown(new Float64Array(size), this.#originStarts);
    this.#originLengths = grown(new Uint32Array(size), this.#originLengths);
    this.#originFiles = grown(new Uint16Array(size), this.#originFiles);
  }
}
