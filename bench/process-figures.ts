/** What the kernel says of a process. Linux only: the figures come from /proc. */
import { readFile } from 'node:fs/promises';

/** The unit of the times in /proc/PID/stat; 100 on every Linux that Node runs on. */
const TICKS_PER_SECOND = 100;

export interface ProcessFigures {
  /** User and system time of all threads since the process was started. */
  readonly cpuMs: number;
  readonly rssBytes: number;
  readonly peakRssBytes: number;
}

export async function readProcessFigures(pid: number): Promise<ProcessFigures> {
  const [stat, status] = await Promise.all([
    readFile(`/proc/${pid}/stat`, 'utf8'),
    readFile(`/proc/${pid}/status`, 'utf8'),
  ]);
  return {
    cpuMs: cpuMsOf(stat),
    rssBytes: kilobytesOf(status, 'VmRSS') * 1024,
    peakRssBytes: kilobytesOf(status, 'VmHWM') * 1024,
  };
}

/** The command's name may hold spaces and parentheses, so the fields are counted from the last one. */
function cpuMsOf(stat: string): number {
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const ticks = Number(fields[11]) + Number(fields[12]);
  if (!Number.isFinite(ticks)) throw new Error(`/proc: no times in "${stat}"`);
  return (ticks * 1000) / TICKS_PER_SECOND;
}

function kilobytesOf(status: string, key: string): number {
  const match = new RegExp(`^${key}:\\s+(\\d+) kB$`, 'm').exec(status);
  if (match === null) throw new Error(`/proc: no ${key}; has the process ended?`);
  return Number(match[1]);
}
