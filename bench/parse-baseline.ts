/**
 * The yardstick: decodes and parses every line of a file with `JSON.parse` and prints the CPU time that this took. Reading the file is
 * left out of the figure, garbage collection is in it.
 */
import { closeSync, openSync, readSync } from 'node:fs';

const CHUNK_BYTES = 4 * 1024 * 1024;
const LINE_FEED = 10;

export interface ParseFigures {
  readonly lines: number;
  readonly cpuMs: number;
}

/** Parses whole lines; what follows the last line feed is left. Returns how many bytes were used. */
function parseLines(bytes: Buffer): { usedBytes: number; lines: number } {
  let lines = 0;
  let start = 0;
  for (let end = bytes.indexOf(LINE_FEED); end >= 0; end = bytes.indexOf(LINE_FEED, start)) {
    const event: unknown = JSON.parse(bytes.toString('utf8', start, end));
    if (typeof event === 'object') lines += 1;
    start = end + 1;
  }
  return { usedBytes: start, lines };
}

function parseFile(path: string): ParseFigures {
  const file = openSync(path, 'r');
  const buffer = Buffer.allocUnsafeSlow(CHUNK_BYTES * 2);
  let kept = 0;
  let lines = 0;
  let cpuMs = 0;
  for (;;) {
    const read = readSync(file, buffer, kept, CHUNK_BYTES, null);
    if (read === 0) break;
    const before = process.cpuUsage();
    const parsed = parseLines(buffer.subarray(0, kept + read));
    const spent = process.cpuUsage(before);
    cpuMs += (spent.user + spent.system) / 1000;
    lines += parsed.lines;
    buffer.copyWithin(0, parsed.usedBytes, kept + read);
    kept += read - parsed.usedBytes;
  }
  closeSync(file);
  return { lines, cpuMs };
}

const path = process.argv[2];
if (path === undefined) throw new Error('usage: parse-baseline.ts FILE');
process.stdout.write(JSON.stringify(parseFile(path)));
