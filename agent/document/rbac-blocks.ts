import { SLOT } from '../event/fields.ts';
import type { EventRecord } from '../event/record.ts';
import { constantBytes } from './constant-bytes.ts';

const QUOTE = 0x22;
const SPACE = 0x20;
const BACKSLASH = 0x5c;

const PREFIX = constantBytes('"RBAC: allowed by ');
const OF = constantBytes(' of ');

const NOTHING = constantBytes('');
const BEFORE_BINDING = constantBytes(',"rbac":{"binding":"');
const BEFORE_ROLE = constantBytes('","role":"');
const AFTER_ROLE = constantBytes('"}');

/** Blocks that are kept: a cluster has a few hundred bindings that are used. A power of two. */
const KEPT = 256;
const MAX_REASON_BYTES = 512;

interface KeptBlock {
  readonly reason: Buffer;
  readonly member: Buffer;
}

/**
 * Makes `,"rbac":{"binding":…,"role":…}` from the authorizer's reason, which in the line reads
 * `"RBAC: allowed by RoleBinding \"name/namespace\" of Role \"name\" to …"`. A name that holds an escape of its own is no usual one; then
 * both are left out, and the reason as logged tells them. What was made is kept, because the same few reasons come again and again.
 */
export class RbacBlocks {
  readonly #kept: (KeptBlock | undefined)[] = Array.from({ length: KEPT }, () => undefined);

  /** The member, or no bytes. */
  of(record: EventRecord): Buffer {
    const { bytes, fields } = record;
    const start = fields.starts[SLOT.decisionReason] ?? -1;
    if (start < 0) return NOTHING;
    const end = fields.ends[SLOT.decisionReason] ?? 0;
    if (end - start < PREFIX.length) return NOTHING;
    if (end - start > MAX_REASON_BYTES) return memberOf(bytes, start, end);
    const place = placeOf(bytes, start, end);
    const kept = this.#kept[place];
    if (kept?.reason.length === end - start && kept.reason.compare(bytes, start, end) === 0)
      return kept.member;
    const member = memberOf(bytes, start, end);
    this.#kept[place] = { reason: Buffer.from(bytes.subarray(start, end)), member };
    return member;
  }
}

/** Mixes bytes from the middle, where the binding is named, and from the end, where the subject is. */
function placeOf(bytes: Buffer, start: number, end: number): number {
  let hash = end - start;
  for (let back = 4; back < 9; back += 1) {
    hash = (hash * 31 + (bytes[end - back] ?? 0)) | 0;
    hash = (hash * 31 + (bytes[((start + end) >> 1) - back] ?? 0)) | 0;
  }
  return (hash ^ (hash >>> 8)) & (KEPT - 1);
}

function memberOf(bytes: Buffer, start: number, end: number): Buffer {
  if (!startsWith(bytes, start, PREFIX)) return NOTHING;
  const binding = nameStart(bytes, start + PREFIX.length, end);
  const bindingEnd = nameEnd(bytes, binding, end);
  if (bindingEnd < 0 || !startsWith(bytes, bindingEnd + 2, OF)) return NOTHING;
  const role = nameStart(bytes, bindingEnd + 2 + OF.length, end);
  const roleEnd = nameEnd(bytes, role, end);
  if (roleEnd < 0) return NOTHING;
  const names = [
    BEFORE_BINDING,
    bytes.subarray(binding, bindingEnd),
    BEFORE_ROLE,
    bytes.subarray(role, roleEnd),
    AFTER_ROLE,
  ];
  return Buffer.concat(names);
}

/** Past the kind (one word), a space and the escaped quote; -1 where that is not what stands there. */
function nameStart(bytes: Buffer, start: number, end: number): number {
  let at = start;
  while (at < end && bytes[at] !== SPACE && bytes[at] !== BACKSLASH) at += 1;
  return bytes[at] === SPACE && bytes[at + 1] === BACKSLASH && bytes[at + 2] === QUOTE ? at + 3 : -1;
}

/** Where the escaped quote stands that ends a name; -1 where another escape comes first. */
function nameEnd(bytes: Buffer, start: number, end: number): number {
  if (start < 0) return -1;
  let at = start;
  while (at < end && bytes[at] !== BACKSLASH) at += 1;
  return at + 1 < end && bytes[at + 1] === QUOTE ? at : -1;
}

function startsWith(bytes: Buffer, start: number, expected: Buffer): boolean {
  for (let at = 0; at < expected.length; at += 1) if (bytes[start + at] !== expected[at]) return false;
  return true;
}
