import { createReadStream } from 'node:fs';
import type { ShipperLabels } from '../../telemetry/events.ts';
import { parsePlace } from './dead-letter-entry.ts';
import type { DeadLetterRange } from './dead-letter-entry.ts';

/** How much of the end of a file is looked at: letters written since the last checkpoint stand there. */
const LOOK_BACK_BYTES = 64 * 1024 ** 2;

/** Enough for the part of an entry that names its place, with the longest path there can be. */
const PLACE_BYTES = 32 * 1024;

const LINE_FEED = 0x0a;

/** Letters that are remembered: far more than are written between two checkpoints. */
const MAX_KNOWN = 131_072;

/**
 * The letters of a shipper that are on disk already. Lines since the last checkpoint are read again after a crash, and some when a
 * large line is taken up anew; those that were dead letters then would be written twice.
 */
export class KnownLetters {
  readonly #keys = new Set<string>();

  has(range: DeadLetterRange): boolean {
    return this.#keys.has(keyOf(range));
  }

  add(range: DeadLetterRange): void {
    this.#keys.add(keyOf(range));
    const [oldest] = this.#keys;
    if (oldest !== undefined && this.#keys.size > MAX_KNOWN) this.#keys.delete(oldest);
  }
}

function keyOf({ fingerprint, start }: DeadLetterRange): string {
  return `${fingerprint.slice(0, 16)}.${start}`;
}

/** Reads what a file of `fileBytes` bytes knows at its end of the letters of a shipper. */
export async function readKnownLetters(
  path: string,
  { fileBytes, labels }: { fileBytes: number; labels: ShipperLabels },
): Promise<KnownLetters> {
  const known = new KnownLetters();
  if (fileBytes === 0) return known;
  const start = Math.max(0, fileBytes - LOOK_BACK_BYTES);
  for await (const head of lineHeads(path, start)) {
    const place = parsePlace(head);
    if (place?.log === labels.log && place.sink === labels.sink) known.add(place.range);
  }
  return known;
}

/** The first bytes of each line that begins at `start` or behind it. */
async function* lineHeads(path: string, start: number): AsyncGenerator<string> {
  let head: Buffer[] = [];
  let headBytes = 0;
  // In the middle of a file the first line has lost its head.
  let isWhole = start === 0;
  for await (const chunk of createReadStream(path, {
    start,
    highWaterMark: 1024 * 1024,
  }) as AsyncIterable<Buffer>) {
    for (let at = 0; at < chunk.length;) {
      const feed = chunk.indexOf(LINE_FEED, at);
      const end = feed < 0 ? chunk.length : feed;
      const taken = chunk.subarray(at, Math.min(end, at + PLACE_BYTES - headBytes));
      head.push(taken);
      headBytes += taken.length;
      at = end + 1;
      if (feed < 0) break;
      if (isWhole) yield Buffer.concat(head).toString();
      head = [];
      headBytes = 0;
      isWhole = true;
    }
  }
}
