import { MAX_VALUE_LENGTH } from './path-template.ts';

/** Stands for a value that an event does not have. */
export const ABSENT = '_none';

/** Stands for a value that must not become part of a path, and for those beyond the number that are told apart. */
export const OTHER = '_other';

const QUOTE = 0x22;
const DOT = 0x2e;

/** 1 for each byte that may stand in a value: letters, digits, `.`, `_`, `-`. */
const ALLOWED = new Uint8Array(256);
for (const character of 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-')
  ALLOWED[character.charCodeAt(0)] = 1;

const ABSENT_BYTES = Buffer.from(ABSENT);
const OTHER_BYTES = Buffer.from(OTHER);
const PARTIAL_BYTES = Buffer.from('.partial');

/** The longest that `writePathValue` writes. */
export const MAX_PATH_VALUE_BYTES = MAX_VALUE_LENGTH;

/**
 * Writes what a value of an event becomes in a path to `target[at..]` and returns the index just past it. `bytes[start..end)` is the
 * value as it stands in the line, quotes included; `start` is -1 where there is none. Runs once per line and allocates nothing.
 *
 * The value is whatever a client sent, so only plain characters pass. Not a leading dot (`.`, `..`, the sink's own hidden files) and
 * not a trailing `.partial` (another slice while it is open).
 */
export function writePathValue(
  bytes: Uint8Array,
  start: number,
  end: number,
  target: Uint8Array,
  at: number,
): number {
  if (start < 0 || end - start <= 2) return put(ABSENT_BYTES, target, at);
  const length = end - start - 2;
  if (length > MAX_VALUE_LENGTH || bytes[start] !== QUOTE || bytes[start + 1] === DOT)
    return put(OTHER_BYTES, target, at);
  for (let i = 0; i < length; i += 1) {
    const byte = bytes[start + 1 + i] ?? 0;
    if (ALLOWED[byte] !== 1) return put(OTHER_BYTES, target, at);
    target[at + i] = byte;
  }
  return endsWithPartial(target, at, at + length) ? put(OTHER_BYTES, target, at) : at + length;
}

/** What a name from the configuration becomes in a path: the same rules, but a longer one is cut off. */
export function pathValueOf(value: string | undefined): string {
  if (value === undefined || value === '') return ABSENT;
  const bytes = Buffer.from(`"${value.slice(0, MAX_VALUE_LENGTH)}"`);
  const target = Buffer.alloc(MAX_PATH_VALUE_BYTES);
  return target.toString('latin1', 0, writePathValue(bytes, 0, bytes.length, target, 0));
}

function put(word: Uint8Array, target: Uint8Array, at: number): number {
  target.set(word, at);
  return at + word.length;
}

function endsWithPartial(bytes: Uint8Array, start: number, end: number): boolean {
  if (end - start < PARTIAL_BYTES.length) return false;
  const from = end - PARTIAL_BYTES.length;
  for (let i = 0; i < PARTIAL_BYTES.length; i += 1) if (bytes[from + i] !== PARTIAL_BYTES[i]) return false;
  return true;
}
