import { isUtf8 } from 'node:buffer';
import * as z from 'zod';

/** A line that no sink will take, on its way to the dead letter file. */
export interface DeadLetter {
  /** Bounded word: why the line is no event, or the sink's kind of refusal. */
  readonly reason: string;
  /** The sink's own words; may quote the event. */
  readonly detail?: string | undefined;
  readonly range: DeadLetterRange;
  /** Absent where the line is too long to be kept: the letter then names its range only. Not changed until `write` has resolved. */
  readonly line?: Buffer | undefined;
}

/** Where the line stands: `[start, end)` in the decompressed file. */
export interface DeadLetterRange {
  /** Path under which the file was read. */
  readonly file: string;
  readonly fingerprint: string;
  readonly start: number;
  readonly end: number;
}

const entrySchema = z.object({
  version: z.literal(1),
  time: z.string(),
  sink: z.string(),
  log: z.string(),
  range: z.object({ file: z.string(), fingerprint: z.string(), start: z.number(), end: z.number() }),
  reason: z.string(),
  detail: z.string().optional(),
  line: z.string().optional(),
  lineBase64: z.string().optional(),
});

/** A dead letter as it lies on disk, one JSON document a line. Neither `line` nor `lineBase64`: kept by reference only. */
export type DeadLetterEntry = z.output<typeof entrySchema>;

/** The head of an entry, with everything but the line. */
export type DeadLetterHead = Pick<DeadLetterEntry, 'time' | 'sink' | 'log' | 'range' | 'reason' | 'detail'>;

const MAX_DETAIL_CHARACTERS = 2000;

/** What stands between the part of an entry that names its place and the rest; no string in JSON can hold it. */
const PLACE_END = '},"reason":';

/** An entry on its way to disk: its parts in order, and their size before any is made. */
export interface EncodedEntry {
  readonly bytes: number;
  /** A piece is valid until the next one is asked for. */
  readonly pieces: () => Generator<Buffer>;
}

/**
 * An entry as bytes. The line may have tens of megabytes, so it is never made a string: its pieces are escaped one at a time.
 */
export function encodeEntry(head: DeadLetterHead, line: Buffer | undefined): EncodedEntry {
  const { time, sink, log, range, reason } = head;
  const detail = head.detail?.slice(0, MAX_DETAIL_CHARACTERS);
  // The range comes before anything a client may have chosen, so that it can be found without reading the rest.
  const text = JSON.stringify({ version: 1, time, sink, log, range, reason, ...(detail && { detail }) });
  const start = Buffer.from(text.slice(0, -1));
  if (line === undefined) return encoded([start, Buffer.from('}\n')], { bytes: 0, pieces: noPieces });
  const isText = isUtf8(line);
  const key = Buffer.from(isText ? ',"line":"' : ',"lineBase64":"');
  return encoded([Buffer.concat([start, key]), Buffer.from('"}\n')], isText ? escaped(line) : base64(line));
}

/** Undefined where the text is no whole entry. */
export function parseEntry(text: string): DeadLetterEntry | undefined {
  try {
    const parsed = entrySchema.safeParse(JSON.parse(text));
    return parsed.success ? parsed.data : undefined;
  } catch {
    // A crash may have torn it; what it was about is written again.
    return undefined;
  }
}

const placeSchema = entrySchema.pick({ sink: true, log: true, range: true });

export type DeadLetterPlace = z.output<typeof placeSchema>;

/** Whose entry it is and of which line, from the first bytes of it; undefined where they do not say so. */
export function parsePlace(start: string): DeadLetterPlace | undefined {
  const end = start.indexOf(PLACE_END);
  if (end < 0) return undefined;
  try {
    const parsed = placeSchema.safeParse(JSON.parse(`${start.slice(0, end)}}}`));
    return parsed.success ? parsed.data : undefined;
  } catch {
    return undefined;
  }
}

function encoded([before, after]: readonly [Buffer, Buffer], line: EncodedEntry): EncodedEntry {
  return {
    bytes: before.length + line.bytes + after.length,
    *pieces() {
      yield before;
      yield* line.pieces();
      yield after;
    },
  };
}

function* noPieces(): Generator<Buffer> {}

/** Bytes of the line that are escaped at a time. */
const PIECE_BYTES = 48 * 1024;

const SHORT_ESCAPES: Readonly<Record<number, string>> = {
  0x08: '\\b',
  0x09: '\\t',
  0x0a: '\\n',
  0x0c: '\\f',
  0x0d: '\\r',
  0x22: '\\"',
  0x5c: '\\\\',
};

/** For each byte what it becomes in a JSON string; undefined where it stays. */
const ESCAPES: readonly (Buffer | undefined)[] = Array.from({ length: 256 }, (_, byte) => {
  const escape =
    SHORT_ESCAPES[byte] ?? (byte < 0x20 ? `\\u${byte.toString(16).padStart(4, '0')}` : undefined);
  return escape === undefined ? undefined : Buffer.from(escape);
});

/** Bytes that each byte becomes. */
const ESCAPED_BYTES = Uint8Array.from(ESCAPES, (escape) => escape?.length ?? 1);
const LONGEST_ESCAPE = 6;

function escaped(line: Buffer): EncodedEntry {
  let bytes = 0;
  for (const byte of line) bytes += ESCAPED_BYTES[byte] ?? 1;
  return {
    bytes,
    *pieces() {
      const piece = Buffer.allocUnsafe(Math.min(line.length, PIECE_BYTES) * LONGEST_ESCAPE);
      for (let start = 0; start < line.length; start += PIECE_BYTES) {
        yield piece.subarray(0, escapeInto(piece, line.subarray(start, start + PIECE_BYTES)));
      }
    },
  };
}

function escapeInto(target: Buffer, bytes: Buffer): number {
  let at = 0;
  for (const byte of bytes) {
    const escape = ESCAPES[byte];
    if (escape === undefined) {
      target[at] = byte;
      at += 1;
    } else {
      target.set(escape, at);
      at += escape.length;
    }
  }
  return at;
}

function base64(line: Buffer): EncodedEntry {
  return {
    bytes: Math.ceil(line.length / 3) * 4,
    *pieces() {
      // A multiple of three bytes at a time, or the padding of each piece would stand in the middle.
      for (let start = 0; start < line.length; start += PIECE_BYTES)
        yield Buffer.from(line.toString('base64', start, start + PIECE_BYTES));
    },
  };
}
