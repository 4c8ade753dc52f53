import type { FileHandle } from 'node:fs/promises';
import { createGunzip, type Gunzip } from 'node:zlib';
import type { ContentEnd, LogReader } from './log-reader.ts';

const INPUT_BYTES = 64 * 1024;
const OUTPUT_BYTES = 128 * 1024;

/**
 * Reads a gzip file (one or several members) as it is pulled: at most one piece of input and one of output are held, whatever the
 * ratio. Everything that decompresses is handed out before an early or a wrong end is told.
 */
export class GzipReader implements LogReader {
  readonly #handle: FileHandle;
  #gunzip: Gunzip | undefined;
  #input: Buffer | undefined;
  #output: Buffer | undefined;
  #position = 0;
  #storedPosition = 0;
  #ending: ContentEnd = 'open';
  #ended = false;
  #feeding = false;
  #failed = false;
  #failedCode = '';
  #wake: (() => void) | undefined;
  /** Content that was handed out before the decompressor was begun anew. */
  #discardBytes = 0;
  /** From here on the file is fed byte by byte, so that nothing before a wrong byte is thrown away with it. */
  #carefulFrom = Number.POSITIVE_INFINITY;
  #lastFedAt = 0;

  constructor(handle: FileHandle) {
    this.#handle = handle;
  }

  get position(): number {
    return this.#position;
  }

  get storedPosition(): number {
    return this.#storedPosition;
  }

  get ending(): ContentEnd {
    return this.#ending;
  }

  async read(target: Buffer, at: number, maxBytes: number): Promise<number> {
    const piece = await this.#piece();
    if (piece === undefined) return 0;
    const copied = piece.copy(target, at, 0, Math.min(piece.length, maxBytes));
    this.#consume(piece, copied);
    return copied;
  }

  async skipTo(position: number, signal: AbortSignal): Promise<boolean> {
    while (this.#position < position) {
      if (signal.aborted) return false;
      const piece = await this.#piece();
      if (piece === undefined) return false;
      this.#consume(piece, Math.min(piece.length, position - this.#position));
    }
    return true;
  }

  fresh(): GzipReader {
    return new GzipReader(this.#handle);
  }

  close(): void {
    this.#gunzip?.destroy();
    this.#gunzip = undefined;
    this.#input = undefined;
    this.#output = undefined;
  }

  #consume(piece: Buffer, bytes: number): void {
    this.#position += bytes;
    this.#output = bytes < piece.length ? piece.subarray(bytes) : undefined;
  }

  /** The decompressed bytes that come next; undefined at the end. */
  async #piece(): Promise<Buffer | undefined> {
    while (this.#output === undefined && this.#ending === 'open') {
      const gunzip = (this.#gunzip ??= this.#start());
      const piece: unknown = gunzip.read();
      if (piece instanceof Buffer) this.#take(piece);
      else if (this.#failed || this.#ended) this.#finish();
      else if (this.#feeding) await this.#change();
      else await this.#feed(gunzip);
    }
    return this.#output;
  }

  #take(piece: Buffer): void {
    const discarded = Math.min(piece.length, this.#discardBytes);
    this.#discardBytes -= discarded;
    if (discarded < piece.length) this.#output = piece.subarray(discarded);
  }

  #start(): Gunzip {
    const gunzip = createGunzip({ chunkSize: OUTPUT_BYTES });
    // One that was given up may still have something to say.
    const tell = (note: () => void): void => {
      if (this.#gunzip !== gunzip) return;
      note();
      this.#notify();
    };
    gunzip.on('readable', () => tell(() => {}));
    gunzip.on('end', () =>
      tell(() => {
        this.#ended = true;
      }),
    );
    gunzip.on('error', (error: NodeJS.ErrnoException) =>
      tell(() => {
        this.#failed = true;
        this.#failedCode = error.code ?? '';
      }),
    );
    return gunzip;
  }

  /**
   * Gives the decompressor the next piece of the file. It is told that the file has ended only when all that came before has been
   * decompressed and read, because an error throws away what is still inside.
   */
  async #feed(gunzip: Gunzip): Promise<void> {
    this.#feeding = true;
    const input = (this.#input ??= Buffer.allocUnsafeSlow(INPUT_BYTES));
    const at = this.#storedPosition;
    const length = at >= this.#carefulFrom ? 1 : Math.min(input.length, this.#carefulFrom - at);
    const { bytesRead } = await this.#handle.read(input, 0, length, at).catch((error: unknown) => {
      this.#feeding = false;
      throw error;
    });
    this.#lastFedAt = at;
    this.#storedPosition += bytesRead;
    if (bytesRead === 0) gunzip.end();
    else
      gunzip.write(input.subarray(0, bytesRead), () => {
        if (this.#gunzip !== gunzip) return;
        this.#feeding = false;
        this.#notify();
      });
  }

  async #change(): Promise<void> {
    await new Promise<void>((resolve) => {
      this.#wake = resolve;
    });
  }

  #notify(): void {
    const wake = this.#wake;
    this.#wake = undefined;
    wake?.();
  }

  #finish(): void {
    const damaged = this.#failed && this.#failedCode !== 'Z_BUF_ERROR';
    this.close();
    if (damaged && this.#carefulFrom === Number.POSITIVE_INFINITY) this.#beginCarefully();
    else this.#ending = damaged ? 'damaged' : this.#failed ? 'cut-short' : 'complete';
  }

  /** The decompressor drops what it made of a piece of the file when something in that piece is wrong. */
  #beginCarefully(): void {
    this.#carefulFrom = this.#lastFedAt;
    this.#discardBytes = this.#position;
    this.#storedPosition = 0;
    this.#failed = false;
    this.#ended = false;
    this.#feeding = false;
  }
}
