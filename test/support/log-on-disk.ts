import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { documentId } from '../../agent/event/document-id.ts';
import { fingerprintOf } from './log-files.ts';

const LIVE_NAME = 'audit.log';
const LINE_FEED = 0x0a;

/** The lines of a log by the ids that their documents must have. */
export type LinesById = ReadonlyMap<string, Buffer>;

/**
 * The lines in all files of a log, plain and compressed, with ids made from the files as they lie there. While a backup is being
 * compressed it is there twice: then the plain one counts.
 */
export async function linesOnDisk(directory: string): Promise<LinesById> {
  const lines = new Map<string, Buffer>();
  for (const name of await logFileNames(directory)) {
    const stored = await readFile(join(directory, name));
    const content = name.endsWith('.gz') ? gunzipSync(stored) : stored;
    for (const [id, line] of linesOf(content)) {
      if (lines.has(id)) throw new Error(`${name}: ${id} is the id of another line already`);
      lines.set(id, line);
    }
  }
  return lines;
}

/** Names of the files of a log. */
export async function logFileNames(directory: string): Promise<string[]> {
  const names = await readdir(directory);
  return names
    .filter((name) => /^audit.*\.log(\.gz)?$/.test(name))
    .filter((name) => !name.endsWith('.gz') || !names.includes(name.slice(0, -'.gz'.length)))
    .sort();
}

/** Whether a position file says that everything up to the end of the live file is settled. */
export async function isSettled(directory: string, positionPath: string): Promise<boolean> {
  const live = join(directory, LIVE_NAME);
  const position = positionOf(await readFile(positionPath, 'utf8').catch(() => '{}'));
  if (position.offset !== (await stat(live)).size) return false;
  return position.fingerprint === fingerprintOf(await readFile(live));
}

function positionOf(text: string): { offset?: unknown; fingerprint?: unknown } {
  const { position } = JSON.parse(text) as { position?: { offset?: unknown; fingerprint?: unknown } | null };
  return position ?? {};
}

function* linesOf(content: Buffer): Generator<[string, Buffer]> {
  const fingerprint = fingerprintOf(content);
  for (let offset = 0; offset < content.length;) {
    const end = content.indexOf(LINE_FEED, offset);
    if (end < 0) throw new Error('a line without its end');
    const line = content.subarray(offset, end);
    const { stageTimestamp } = JSON.parse(line.toString()) as { stageTimestamp: string };
    yield [documentId({ stageTimeMs: Date.parse(stageTimestamp), fingerprint, offset }), line];
    offset = end + 1;
  }
}
