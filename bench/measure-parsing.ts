import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';

const SCRIPT = join(import.meta.dirname, 'parse-baseline.ts');

/** CPU time of `JSON.parse` of every line of the file, ms, taken in a process of its own. */
export async function measureParsing(path: string, signal: AbortSignal): Promise<number> {
  const { stdout } = await promisify(execFile)(process.execPath, [SCRIPT, path], { signal });
  const figures: unknown = JSON.parse(stdout);
  if (typeof figures === 'object' && figures !== null && 'cpuMs' in figures) {
    if (typeof figures.cpuMs === 'number') return figures.cpuMs;
  }
  throw new Error(`parse-baseline.ts printed ${stdout}`);
}
