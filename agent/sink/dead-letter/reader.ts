import { createReadStream } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import split2 from 'split2';
import { errorCode } from '../../errors.ts';
import { parseEntry } from './dead-letter-entry.ts';
import type { DeadLetterEntry } from './dead-letter-entry.ts';
import { DEAD_LETTER_SUFFIX } from './dead-letter-store.ts';

export type { DeadLetterEntry } from './dead-letter-entry.ts';

/** Large, because a long line is searched from its start again with each chunk. */
const CHUNK_BYTES = 1024 * 1024;

/** Why a line could not be decoded: nothing is known of what stands in it, so nothing in it can be redacted. */
const UNDECODABLE = new Set(['json', 'not-audit', 'incomplete-line']);

/**
 * All dead letters of a store, one file after another, oldest first in each. Lines that are no entry, such as the last one of a crash,
 * are left out and named to `onDamaged`.
 */
export async function* readDeadLetters(
  directory: string,
  onDamaged: (path: string) => void = () => {},
): AsyncGenerator<DeadLetterEntry> {
  for (const name of (await namesIn(directory)).sort()) {
    if (!name.endsWith(DEAD_LETTER_SUFFIX)) continue;
    const path = join(directory, name);
    yield* readFile(path, () => onDamaged(path));
  }
}

/** The line as text, with U+FFFD for what is no UTF-8; undefined where only its place was kept. */
export function lineText({ line, lineBase64 }: DeadLetterEntry): string | undefined {
  if (line !== undefined || lineBase64 === undefined) return line;
  return Buffer.from(lineBase64, 'base64').toString();
}

/** The line as it may be shown to whoever did not ask for the raw one. */
export function maskLine(entry: DeadLetterEntry): string {
  const { start, end } = entry.range;
  if (entry.line === undefined && entry.lineBase64 === undefined)
    return `[${end - start} bytes not kept: only their place in the log is]`;
  if (!UNDECODABLE.has(entry.reason)) return lineText(entry) ?? '';
  return `[${lineBytes(entry)} bytes not shown: this line could not be decoded, so nothing in it could be redacted; --raw shows it]`;
}

function lineBytes({ line, lineBase64 }: DeadLetterEntry): number {
  return line === undefined ? Buffer.byteLength(lineBase64 ?? '', 'base64') : Buffer.byteLength(line);
}

async function namesIn(directory: string): Promise<string[]> {
  try {
    return await readdir(directory);
  } catch (error) {
    // No agent has run here yet, so there are no dead letters.
    if (errorCode(error) === 'ENOENT') return [];
    throw error;
  }
}

async function* readFile(path: string, onDamaged: () => void): AsyncGenerator<DeadLetterEntry> {
  const parse = (text: string): DeadLetterEntry | undefined => {
    const entry = parseEntry(text);
    if (entry === undefined && text !== '') onDamaged();
    return entry;
  };
  const source = createReadStream(path, { highWaterMark: CHUNK_BYTES });
  const entries = split2('\n', parse, { readableHighWaterMark: 1 });
  source.once('error', (error) => entries.destroy(error));
  try {
    yield* source.pipe(entries) as AsyncIterable<DeadLetterEntry>;
  } finally {
    source.destroy();
  }
}
