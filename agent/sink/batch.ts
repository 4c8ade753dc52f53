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
 * send fewer of its documents (`keep`, `part`).
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

  constructor(buffer: Buffer) {
    this.buffer = buffer;
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

  /**
   * Keeps only the given documents (ascending indexes) and moves them together: what a partial rejection leaves to be sent again needs
   * no memory of its own.
   */
  keep(indexes: readonly number[]): void {
    let length = 0;
    let count = 0;
    this.body = undefined;
    for (const index of indexes) {
      const start = this.documentStart(index);
      const end = this.documentEnd(index);
      this.buffer.copyWithin(length, start, end);
      this.#moveEntry(index, count, length - start);
      length += end - start;
      count += 1;
    }
    this.length = length;
    this.count = count;
  }

  /** A batch over some of this batch's bytes, without copying them: this batch must stay as it is while the part is in use. */
  part(from: number, to: number): Batch {
    const base = this.documentStart(from);
    const part = new Batch(
      this.buffer.subarray(base, to < this.count ? this.documentStart(to) : this.length),
    );
    part.openedAtMs = this.openedAtMs;
    for (let index = from; index < to; index += 1) part.#adopt(this, index, -base);
    return part;
  }

  /** Puts copies of another batch's documents behind this one's. Returns false, with nothing changed, where they do not fit. */
  append(other: Batch): boolean {
    if (this.length + other.length > this.buffer.length) return false;
    const base = this.length;
    other.buffer.copy(this.buffer, base, 0, other.length);
    for (let index = 0; index < other.count; index += 1) this.#adopt(other, index, base);
    return true;
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

  /** Takes over what another batch knows of a document whose bytes stand, shifted by `shift`, in this buffer already. */
  #adopt(from: Batch, index: number, shift: number): void {
    const origin = from.origin(index);
    if (origin === undefined) return;
    const target = this.count;
    const eventStart = from.eventStarts[index] ?? 0;
    this.commit(from.documentEnd(index) + shift, eventStart === 0 ? 0 : eventStart + shift, origin);
    const rawLine = from.rawLines.get(index);
    if (rawLine !== undefined) this.rawLines.set(target, rawLine);
    const underscores = from.keyUnderscores.get(index);
    if (underscores !== undefined) this.keyUnderscores.set(target, shifted(underscores, shift));
  }

  /** Moves a document's entry to a lower index and its positions by `shift`. */
  #moveEntry(from: number, to: number, shift: number): void {
    const eventStart = this.eventStarts[from] ?? 0;
    this.documentStarts[to] = (this.documentStarts[from] ?? 0) + shift;
    this.eventStarts[to] = eventStart === 0 ? 0 : eventStart + shift;
    this.#originStarts[to] = this.#originStarts[from] ?? 0;
    this.#originLengths[to] = this.#originLengths[from] ?? 0;
    this.#originFiles[to] = this.#originFiles[from] ?? 0;
    moveKey(this.rawLines, from, to);
    const underscores = this.keyUnderscores.get(from);
    moveKey(this.keyUnderscores, from, to);
    if (underscores !== undefined) this.keyUnderscores.set(to, shifted(underscores, shift));
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

function shifted(positions: readonly number[], shift: number): number[] {
  return positions.map((position) => position + shift);
}

/** Gives `to` what `from` has, which may be nothing. */
function moveKey<Value>(map: Map<number, Value>, from: number, to: number): void {
  if (from === to) return;
  const value = map.get(from);
  map.delete(from);
  if (value === undefined) map.delete(to);
  else map.set(to, value);
}
