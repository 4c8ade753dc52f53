import { constantBytes } from './constant-bytes.ts';

/**
 * Keys that a server refuses, in objects whose keys an attacker may choose: `user.extra` comes from `Impersonate-Extra-…` headers. A
 * refused key refuses the document, so such keys are written in a form that passes. What Elasticsearch and OpenSearch refuse: an empty
 * key, and, since a dot means nesting, a key with an empty or blank part between dots; a key under which others are mapped; half a
 * surrogate pair.
 */

const QUOTE = 0x22;
const COMMA = 0x2c;
const DOT = 0x2e;
const COLON = 0x3a;
const BACKSLASH = 0x5c;
const OPEN_BRACE = 0x7b;
const OPEN_BRACKET = 0x5b;
const CLOSE_BRACKET = 0x5d;
const CLOSE_BRACE = 0x7d;

/** Longer keys are cut; parsers of JSON limit names, and nobody searches for such a field. */
export const MAX_KEY_BYTES = 512;

const MAX_PARTS = 16;

/** The object under which extra keys are mapped (`authentication.kubernetes.io/pod-name` and others). */
const MAPPED_PATH = ['authentication', 'kubernetes'];
/** What the keys begin with that Kubernetes itself writes. */
const USUAL_PREFIX = constantBytes('authentication.kubernetes.io/');

const VISIBLE = /[\p{L}\p{N}\p{P}\p{S}]/u;

/** Whether `bytes[start..end)` is an object of string arrays, compact and without escapes in keys, whose keys can stay as they are. */
export function hasSafeKeys(bytes: Buffer, start: number, end: number): boolean {
  if (bytes[start] !== OPEN_BRACE) return false;
  if (bytes[start + 1] === CLOSE_BRACE) return true;
  let at = start + 1;
  while (at < end) {
    const keyEnd = endOfSafeKey(bytes, at, end);
    if (keyEnd < 0 || bytes[keyEnd + 1] !== COLON) return false;
    at = endOfStrings(bytes, keyEnd + 2, end);
    if (at < 0) return false;
    if (bytes[at] === CLOSE_BRACE) return at + 1 === end;
    if (bytes[at] !== COMMA) return false;
    at += 1;
  }
  return false;
}

/** Index of the closing quote of the key whose opening quote is `bytes[start]`; -1 where the key is not surely safe. */
function endOfSafeKey(bytes: Buffer, start: number, end: number): number {
  if (bytes[start] !== QUOTE) return -1;
  let dots = 0;
  let at = start + 1;
  for (; at < end && bytes[at] !== QUOTE; at += 1) {
    if (bytes[at] === BACKSLASH) return -1;
    if (bytes[at] === DOT) dots += 1;
  }
  const isUsual = dots === 2 && at - start < MAX_KEY_BYTES && stands(bytes, start + 1, USUAL_PREFIX);
  return isUsual || isSafeKey(bytes.toString('utf8', start + 1, at)) ? at : -1;
}

function stands(bytes: Buffer, start: number, expected: Buffer): boolean {
  for (let at = 0; at < expected.length; at += 1) if (bytes[start + at] !== expected[at]) return false;
  return true;
}

/** Just past an array of strings without white space; -1 where it is anything else. */
function endOfStrings(bytes: Buffer, start: number, end: number): number {
  if (bytes[start] !== OPEN_BRACKET) return -1;
  let at = start + 1;
  if (bytes[at] === CLOSE_BRACKET) return at + 1;
  while (bytes[at] === QUOTE) {
    at += 1;
    while (at < end && bytes[at] !== QUOTE) at += bytes[at] === BACKSLASH ? 2 : 1;
    at += 1;
    if (bytes[at] === CLOSE_BRACKET) return at + 1;
    if (bytes[at] !== COMMA) return -1;
    at += 1;
  }
  return -1;
}

/** Whether a server takes the key inside an object that is mapped like `user.extra`. */
export function isSafeKey(key: string): boolean {
  if (Buffer.byteLength(key) > MAX_KEY_BYTES || !key.isWellFormed()) return false;
  const parts = key.split('.');
  if (parts.length > MAX_PARTS || parts.some((part) => !VISIBLE.test(part))) return false;
  // OpenSearch looks for the last part of an unmapped path among the mapped objects, wherever they are.
  if (MAPPED_PATH.includes(parts.at(-1) ?? '')) return false;
  return (
    parts[0] !== MAPPED_PATH[0] || parts[1] !== MAPPED_PATH[1] || parts.length === MAPPED_PATH.length + 1
  );
}

/** The entries under keys that a server takes, each key once. Keys that are fine stay; of equal keys the first keeps the name. */
export function withSafeKeys<T>(entries: readonly (readonly [string, T])[]): [string, T][] {
  const reserved = new Set(entries.map(([key]) => key).filter(isSafeKey));
  const given = new Set<string>();
  /** The next number to try for a name, so that thousands of keys that become the same cost no more than others. */
  const numbers = new Map<string, number>();
  return entries.map(([key, value]) => {
    let name = key;
    if (given.has(key) || !reserved.has(key)) {
      const plain = plainKey(key);
      name = plain;
      while (reserved.has(name) || given.has(name)) {
        const number = numbers.get(plain) ?? 2;
        numbers.set(plain, number + 1);
        name = `${plain}_${number}`;
      }
    }
    given.add(name);
    return [name, value];
  });
}

/** The key with every character replaced that could matter to a parser. */
function plainKey(key: string): string {
  const plain = key.slice(0, MAX_KEY_BYTES / 2).replaceAll(/[^A-Za-z0-9/_-]/g, '_');
  return isSafeKey(plain) ? plain : `_${plain}`;
}
