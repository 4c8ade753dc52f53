/**
 * The id of an event's document says where its line stands and nothing else, so that a replay from any machine, after a rename or a
 * compression, gives the same id: 6 bytes stage time (ms, big-endian; keeps ids ordered, which makes lookups cheap), the first 7 bytes
 * of the file's fingerprint, 5 bytes byte offset of the event's `{` in the decompressed file; base64url, 24 characters.
 */

/** Characters of an event's id. Ids of the agent's own records have other lengths. */
export const DOCUMENT_ID_LENGTH = 24;

const FINGERPRINT_BYTES = 7;
/** Offsets have 5 bytes: a file of 1 TiB. What goes beyond is cut off at the top. */
const OFFSET_RANGE = 2 ** 40;
const TIME_RANGE = 2 ** 48;
const GROUP = 2 ** 24;

const ALPHABET = new TextEncoder().encode('ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_');

export interface DocumentPlace {
  /** `stageTimestamp`, ms since the epoch; NaN where it is missing or cannot be parsed, which counts as 0. */
  readonly stageTimeMs: number;
  /** SHA-256 of the first line of the decompressed file, 64 hexadecimal digits. */
  readonly fingerprint: string;
  /** Byte offset of the event's `{` in the decompressed file. */
  readonly offset: number;
}

/** The id as a string. Reference for `writeDocumentId`, and for whoever needs few. */
export function documentId(place: DocumentPlace): string {
  const id = Buffer.alloc(18);
  id.writeUIntBE(idTime(place.stageTimeMs), 0, 6);
  id.set(fingerprintHead(place.fingerprint), 6);
  id.writeUIntBE(place.offset % OFFSET_RANGE, 13, 5);
  return id.toString('base64url');
}

/** The part of the id that all events of a file share: 8 characters and the byte that the offset is joined to. */
export function documentIdPart(fingerprint: string): Uint8Array {
  const head = fingerprintHead(fingerprint);
  const part = new Uint8Array(9);
  part.set(Buffer.from(head.subarray(0, 6).toString('base64url'), 'latin1'));
  part[8] = head[6] ?? 0;
  return part;
}

/**
 * Writes the id's 24 characters to `target[at..]` and returns the index just past them. Allocates nothing: it runs once per line, which
 * is why its parameters are no object. `part` comes from `documentIdPart`, once per file.
 */
export function writeDocumentId(
  target: Uint8Array,
  at: number,
  stageTimeMs: number,
  part: Uint8Array,
  offset: number,
): number {
  const time = idTime(stageTimeMs);
  const timeHead = Math.floor(time / GROUP);
  writeGroup(target, at, timeHead);
  writeGroup(target, at + 4, time - timeHead * GROUP);
  for (let i = 0; i < 8; i += 1) target[at + 8 + i] = part[i] ?? 0;
  const low = offset % OFFSET_RANGE;
  const lowHead = Math.floor(low / GROUP);
  writeGroup(target, at + 16, ((part[8] ?? 0) << 16) | lowHead);
  writeGroup(target, at + 20, low - lowHead * GROUP);
  return at + DOCUMENT_ID_LENGTH;
}

/** Three bytes as four characters. */
function writeGroup(target: Uint8Array, at: number, bits: number): void {
  target[at] = ALPHABET[bits >>> 18] ?? 0;
  target[at + 1] = ALPHABET[(bits >>> 12) & 63] ?? 0;
  target[at + 2] = ALPHABET[(bits >>> 6) & 63] ?? 0;
  target[at + 3] = ALPHABET[bits & 63] ?? 0;
}

/** What has no place in 6 bytes (no time at all, a time before 1970) counts as 0. */
function idTime(stageTimeMs: number): number {
  return stageTimeMs >= 0 && stageTimeMs < TIME_RANGE ? Math.floor(stageTimeMs) : 0;
}

function fingerprintHead(fingerprint: string): Buffer {
  return Buffer.from(fingerprint.slice(0, FINGERPRINT_BYTES * 2), 'hex');
}
