import { SLOT } from '../event/fields.ts';
import type { LineFields } from '../event/fields.ts';
import type { EventRecord } from '../event/record.ts';
import type { DocumentWriter } from './document-writer.ts';
import { safeAnnotations, safeExtra } from './safe-event.ts';
import { MAX_KEY_BYTES } from './safe-keys.ts';

const DOT = 0x2e;
const UNDERSCORE = 0x5f;
const FIRST_VISIBLE = 0x21;
const LAST_VISIBLE = 0x7e;

/** Where the dots of `authorization.k8s.io/…` stand. */
const AUTHORIZATION_DOTS = [13, 17] as const;

const EXTRAS = [SLOT.userExtra, SLOT.impersonatedExtra] as const;

/**
 * Writes the event as it stands, with the dots of its annotation keys turned into underscores: dots would mean nesting to the server.
 * The length stays the same, so the line can be had back. `underscores` receives where underscores stood before.
 */
export function copyEvent(out: DocumentWriter, record: EventRecord, underscores: number[]): void {
  const { fields, bytes, start } = record;
  const shift = out.at - start;
  out.copy(bytes, start, record.end);
  const { target } = out;
  for (let annotation = 0; annotation < fields.annotationCount; annotation += 1) {
    const end = fields.keyEnds[annotation] ?? 0;
    if (isAuthorization(fields, annotation)) {
      const key = (fields.keyStarts[annotation] ?? 0) + shift;
      for (const dot of AUTHORIZATION_DOTS) target[key + dot] = UNDERSCORE;
      continue;
    }
    for (let at = fields.keyStarts[annotation] ?? 0; at < end; at += 1) {
      const byte = bytes[at];
      if (byte === DOT) target[at + shift] = UNDERSCORE;
      else if (byte === UNDERSCORE) underscores.push(at + shift);
    }
  }
}

/** Whether a server takes the annotation keys without their dots: none refused, none the same as another. */
export function hasSafeAnnotationKeys(record: EventRecord): boolean {
  const { fields, bytes } = record;
  let underscored = false;
  for (let annotation = 0; annotation < fields.annotationCount; annotation += 1) {
    if (isAuthorization(fields, annotation)) continue;
    const start = fields.keyStarts[annotation] ?? 0;
    const end = fields.keyEnds[annotation] ?? 0;
    let visible = false;
    for (let at = start; at < end; at += 1) {
      const byte = bytes[at] ?? 0;
      if (byte >= FIRST_VISIBLE && byte <= LAST_VISIBLE) visible = true;
      if (byte === UNDERSCORE) underscored = true;
    }
    if (!visible || end - start > MAX_KEY_BYTES) return false;
  }
  // Distinct keys can only become the same where an underscore stood before.
  return !underscored || !hasCollision(bytes, fields);
}

/** Whether it is one of the two that nearly all events have; the scan has compared their keys. */
function isAuthorization(fields: LineFields, annotation: number): boolean {
  const value = fields.valueStarts[annotation] ?? 0;
  return value === fields.starts[SLOT.decision] || value === fields.starts[SLOT.decisionReason];
}

function hasCollision(bytes: Buffer, fields: LineFields): boolean {
  for (let one = 1; one < fields.annotationCount; one += 1) {
    for (let other = 0; other < one; other += 1) if (isSameDedotted(bytes, fields, one, other)) return true;
  }
  return false;
}

function isSameDedotted(bytes: Buffer, fields: LineFields, one: number, other: number): boolean {
  const a = fields.keyStarts[one] ?? 0;
  const b = fields.keyStarts[other] ?? 0;
  const length = (fields.keyEnds[one] ?? 0) - a;
  if ((fields.keyEnds[other] ?? 0) - b !== length) return false;
  for (let at = length - 1; at >= 0; at -= 1) {
    const left = bytes[a + at] === DOT ? UNDERSCORE : bytes[a + at];
    const right = bytes[b + at] === DOT ? UNDERSCORE : bytes[b + at];
    if (left !== right) return false;
  }
  return true;
}

/** The event anew, bodies as they stand, with keys that a server takes. */
export function withSafeObjects(record: EventRecord): Buffer {
  const { fields, bytes } = record;
  const parts = [...EXTRAS, SLOT.annotations]
    .filter((slot) => fields.has(slot))
    .map((slot) => ({
      start: fields.starts[slot] ?? 0,
      end: fields.ends[slot] ?? 0,
      text: JSON.stringify(slot === SLOT.annotations ? safeAnnotations(record) : safeExtra(record, slot)),
    }))
    .sort((a, b) => a.start - b.start);
  const pieces: Buffer[] = [];
  let at = record.start;
  for (const part of parts) {
    pieces.push(bytes.subarray(at, part.start), Buffer.from(part.text));
    at = part.end;
  }
  pieces.push(bytes.subarray(at, record.end));
  return Buffer.concat(pieces);
}
