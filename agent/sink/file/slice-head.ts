/**
 * What stands before each line of output in a batch, and is not written to the slice: the event's time and the slice it belongs to.
 * It travels in the batch's bytes so that it stays with its document when a batch is split.
 */
const TIME_AT = 0;
const HASH_AT = 8;
const LENGTH_AT = 12;
const PATH_AT = 14;

/** A head without its time, made once per slice and copied for each event. */
export function sliceHead(path: string): Buffer {
  const name = Buffer.from(path);
  const head = Buffer.alloc(PATH_AT + name.length);
  head.writeUInt32LE(hashOf(name), HASH_AT);
  head.writeUInt16LE(name.length, LENGTH_AT);
  name.copy(head, PATH_AT);
  return head;
}

/** Copies a head to `target[at..]` and returns the index just past it. */
export function writeSliceHead(head: Buffer, timeMs: number, target: Buffer, at: number): number {
  head.copy(target, at);
  target.writeDoubleLE(timeMs, at + TIME_AT);
  return at + head.length;
}

export function headBytesAt(bytes: Buffer, at: number): number {
  return PATH_AT + bytes.readUInt16LE(at + LENGTH_AT);
}

export function headTimeMsAt(bytes: Buffer, at: number): number {
  return bytes.readDoubleLE(at + TIME_AT);
}

export function headHashAt(bytes: Buffer, at: number): number {
  return bytes.readUInt32LE(at + HASH_AT);
}

export function headPathAt(bytes: Buffer, at: number): string {
  return bytes.toString('utf8', at + PATH_AT, at + headBytesAt(bytes, at));
}

/** Whether two heads name the same slice. */
export function sameSlice(a: Buffer, aAt: number, b: Buffer, bAt: number): boolean {
  const length = headBytesAt(a, aAt);
  if (length !== headBytesAt(b, bAt)) return false;
  return a.compare(b, bAt + PATH_AT, bAt + length, aAt + PATH_AT, aAt + length) === 0;
}

function hashOf(bytes: Uint8Array): number {
  let hash = 0x811c9dc5;
  for (const byte of bytes) hash = Math.imul(hash ^ byte, 0x01000193);
  return hash >>> 0;
}
