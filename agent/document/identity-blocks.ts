import { SLOT } from '../event/fields.ts';
import type { LineFields, Slot } from '../event/fields.ts';
import type { EventRecord } from '../event/record.ts';
import { constantBytes } from './constant-bytes.ts';
import { DocumentWriter } from './document-writer.ts';
import { writeRelated, writeUser, writeUserAgent } from './ecs-copies.ts';
import { hasSafeKeys } from './safe-keys.ts';
import { SourceAddresses } from './source-addresses.ts';

/** What documents say of who sent a request and from where. */
export interface IdentityBlock {
  /** The bytes of the event that it was made of. */
  readonly source: Buffer;
  /**
   * `,"user":…,"user_agent":…,"source":…,"client":…,"related":…`, as far as there is something to say, and, where the peer is known,
   * `,"k8s_audit":{"peer_ip":…` to be gone on with.
   */
  readonly members: Buffer;
  readonly hasPeer: boolean;
  /** Whether a server takes the keys of `extra` as they are. */
  readonly safeExtras: boolean;
}

/** Blocks that are kept; more clients than these cost time, nothing else. A power of two. */
const KEPT = 1024;

/** Longer ones are made anew each time, so that what is kept stays below 8 MiB. */
const MAX_SOURCE_BYTES = 2048;

/** Punctuation and names of a block. */
const BLOCK_BYTES = 512;

const PEER_IP = constantBytes(',"k8s_audit":{"peer_ip":');

/** What a block is made of, beside `user`, which comes first. */
const PARTS: readonly Slot[] = [SLOT.impersonatedUser, SLOT.sourceIPs, SLOT.userAgent];
const EXTRAS: readonly Slot[] = [SLOT.userExtra, SLOT.impersonatedExtra];

/**
 * Makes identity blocks, and keeps them: the same few clients send nearly all requests, and comparing bytes is several times cheaper
 * than picking the values out of them again.
 */
export class IdentityBlocks {
  readonly #kept: (IdentityBlock | undefined)[] = Array.from({ length: KEPT }, () => undefined);
  readonly #out = new DocumentWriter();
  readonly #addresses = new SourceAddresses();
  #scratch = Buffer.alloc(0);

  of(record: EventRecord): IdentityBlock {
    const { bytes, fields } = record;
    const start = fields.starts[SLOT.user] ?? -1;
    const end = endOfParts(fields, start);
    if (end < 0 || end - start > MAX_SOURCE_BYTES) return this.#make(record, constantBytes(''));
    const place = placeOf(bytes, fields, start, end);
    const kept = this.#kept[place];
    if (kept !== undefined && isSame(kept.source, bytes, start, end)) return kept;
    const made = this.#make(record, Buffer.from(bytes.subarray(start, end)));
    this.#kept[place] = made;
    return made;
  }

  #make(record: EventRecord, source: Buffer): IdentityBlock {
    const { fields } = record;
    const out = this.#out;
    const needed = maxBlockBytes(fields);
    if (this.#scratch.length < needed) this.#scratch = Buffer.alloc(needed);
    out.begin(this.#scratch, 0);
    writeUser(out, record);
    writeUserAgent(out, record);
    this.#addresses.write(out, record);
    writeRelated(out, record, this.#addresses);
    const hasPeer = this.#addresses.writePeer(out, PEER_IP, record);
    const members = Buffer.from(this.#scratch.subarray(0, out.at));
    if (needed > MAX_SOURCE_BYTES * 8) this.#scratch = Buffer.alloc(0);
    return { source, members, hasPeer, safeExtras: hasSafeExtras(record) };
  }
}

/** Upper bound of the bytes of a block. */
export function maxBlockBytes(fields: LineFields): number {
  return (
    BLOCK_BYTES +
    2 * (lengthOf(fields, SLOT.user) + lengthOf(fields, SLOT.impersonatedUser)) +
    4 * lengthOf(fields, SLOT.sourceIPs) +
    lengthOf(fields, SLOT.userAgent)
  );
}

/**
 * Where the last of the parts ends if all of them come after `user`, as the API server writes them: then the bytes from there to here
 * say everything. -1 where not.
 */
function endOfParts(fields: LineFields, start: number): number {
  if (start < 0) return -1;
  let end = fields.ends[SLOT.user] ?? 0;
  for (const slot of PARTS) {
    const partStart = fields.starts[slot] ?? -1;
    if (partStart < 0) continue;
    if (partStart < start) return -1;
    end = Math.max(end, fields.ends[slot] ?? 0);
  }
  return end;
}

/** Mixes bytes that differ between clients: the ends of the name, of `extra` (a uid) and of the user agent. */
function placeOf(bytes: Buffer, fields: LineFields, start: number, end: number): number {
  let hash = end - start;
  const nameEnd = fields.has(SLOT.userUsername) ? (fields.ends[SLOT.userUsername] ?? 0) : end;
  const userEnd = fields.ends[SLOT.user] ?? 0;
  for (let back = 2; back < 8; back += 1) {
    hash = (hash * 31 + (bytes[nameEnd - back] ?? 0)) | 0;
    hash = (hash * 31 + (bytes[userEnd - back] ?? 0)) | 0;
    hash = (hash * 31 + (bytes[end - back] ?? 0)) | 0;
  }
  return (hash ^ (hash >>> 9)) & (KEPT - 1);
}

function isSame(source: Buffer, bytes: Buffer, start: number, end: number): boolean {
  return source.length === end - start && source.compare(bytes, start, end) === 0;
}

function hasSafeExtras(record: EventRecord): boolean {
  const { fields, bytes } = record;
  return EXTRAS.every(
    (slot) => !fields.has(slot) || hasSafeKeys(bytes, fields.starts[slot] ?? 0, fields.ends[slot] ?? 0),
  );
}

function lengthOf(fields: LineFields, slot: Slot): number {
  const start = fields.starts[slot] ?? -1;
  return start < 0 ? 0 : (fields.ends[slot] ?? 0) - start;
}
