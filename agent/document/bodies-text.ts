import { SLOT } from '../event/fields.ts';
import type { Slot } from '../event/fields.ts';
import type { EventRecord } from '../event/record.ts';
import { constantBytes } from './constant-bytes.ts';
import type { DocumentWriter } from './document-writer.ts';

const QUOTE = 0x22;
const COMMA = 0x2c;
const SPACE = 0x20;
const BACKSLASH = 0x5c;
const CLOSE_BRACE = 0x7d;

const HEX = constantBytes('0123456789abcdef');
const UNICODE_ESCAPE = constantBytes('\\u00');

/** Bytes of the string at most, escapes included; what goes beyond is cut off. */
export const MAX_BODIES_BYTES = 1024 * 1024;

const NAMES: readonly (readonly [Slot, Buffer])[] = [
  [SLOT.requestObject, constantBytes('\\"requestObject\\":')],
  [SLOT.responseObject, constantBytes('\\"responseObject\\":')],
];

/**
 * Writes the bodies as one JSON string that holds `{"requestObject":…,"responseObject":…}` with their bytes as logged, so that no parser
 * looks into them. Returns whether all of them had room.
 */
export function writeBodiesText(out: DocumentWriter, record: EventRecord): boolean {
  const limit = out.at + MAX_BODIES_BYTES;
  let complete = true;
  let first = true;
  out.byte(QUOTE);
  out.byte(0x7b);
  for (const [slot, name] of NAMES) {
    const start = record.fields.starts[slot] ?? -1;
    if (start < 0 || !complete) continue;
    if (!first) out.byte(COMMA);
    first = false;
    out.literal(name);
    complete = writeEscaped(out, record.bytes.subarray(start, record.fields.ends[slot]), limit);
  }
  if (complete) out.byte(CLOSE_BRACE);
  out.byte(QUOTE);
  return complete;
}

/** Writes UTF-8 as the inside of a JSON string up to about `limit`, never half a character. Returns whether it had room. */
function writeEscaped(out: DocumentWriter, text: Buffer, limit: number): boolean {
  for (const byte of text) {
    const boundary = (byte & 0xc0) !== 0x80;
    if (boundary && out.at >= limit) return false;
    if (byte === QUOTE || byte === BACKSLASH) out.byte(BACKSLASH);
    if (byte >= SPACE) out.byte(byte);
    else writeControl(out, byte);
  }
  return true;
}

function writeControl(out: DocumentWriter, byte: number): void {
  out.literal(UNICODE_ESCAPE);
  out.byte(HEX[byte >> 4] ?? 0);
  out.byte(HEX[byte & 15] ?? 0);
}
