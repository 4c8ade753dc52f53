import { existsSync, globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { sharedDir } from './shared.ts';

/** Lines of audit logs, each without its line feed, and where they came from. */
export interface AuditLines {
  readonly file: string;
  readonly lines: readonly Buffer[];
}

/** The lines of all recorded logs below `recorded/` (or of one folder of it); empty where there is no shared directory. */
export function recordedLines(folder = '.'): AuditLines[] {
  return filesOf(join('recorded', folder), '**/*.{log,log.gz}').map((file) => ({
    file,
    lines: splitLines(readLog(file)),
  }));
}

/** The sample events, one a line: pretty-printed ones are written anew on one line. */
export function sampleLines(): AuditLines[] {
  return filesOf('samples', '**/*.{log,json}').map((file) => {
    const bytes = readLog(file);
    const lines = splitLines(bytes);
    return { file, lines: lines.every(isJson) ? lines : [Buffer.from(onOneLine(bytes))] };
  });
}

/** The bytes of a log, decompressed. */
export function readLog(file: string): Buffer {
  const bytes = readFileSync(file);
  return file.endsWith('.gz') ? gunzipSync(bytes) : bytes;
}

/** The non-empty lines of a log, each without its line feed. */
export function splitLines(bytes: Buffer): Buffer[] {
  const lines: Buffer[] = [];
  for (let start = 0; start < bytes.length;) {
    const lineFeed = bytes.indexOf(0x0a, start);
    const end = lineFeed < 0 ? bytes.length : lineFeed;
    if (end > start) lines.push(bytes.subarray(start, end));
    start = end + 1;
  }
  return lines;
}

function filesOf(folder: string, pattern: string): string[] {
  const directory = join(sharedDir() ?? '', folder);
  if (sharedDir() === undefined || !existsSync(directory)) return [];
  return globSync(pattern, { cwd: directory })
    .sort()
    .map((name) => join(directory, name));
}

function isJson(line: Buffer): boolean {
  try {
    JSON.parse(line.toString());
    return true;
  } catch {
    return false;
  }
}

function onOneLine(bytes: Buffer): string {
  return JSON.stringify(JSON.parse(bytes.toString()));
}
