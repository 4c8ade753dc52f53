import type { TimeField } from './path-template.ts';

/** A span of time that one slice covers. */
export interface TimeSlot {
  /** ms since the epoch. */
  readonly startMs: number;
  /** Just past it; Infinity where the path names no time. */
  readonly endMs: number;
  /** Values of all time placeholders at its start, UTC. */
  readonly values: Readonly<Record<TimeField, string>>;
}

/** Times that a path can name: four digits of a year. */
const FIRST_MS = Date.UTC(1970, 0, 1);
const LAST_MS = Date.UTC(9999, 11, 31, 23, 59);

/** The slot that a time falls into. A time that is none, or that a path cannot name, counts as 1970. */
export function timeSlot(timeMs: number, unit: TimeField | undefined): TimeSlot {
  const usableMs = timeMs >= FIRST_MS && timeMs <= LAST_MS ? timeMs : 0;
  const startMs = slotStart(usableMs, unit);
  const iso = new Date(startMs).toISOString();
  return {
    startMs,
    endMs: slotEnd(startMs, unit),
    values: {
      yyyy: iso.slice(0, 4),
      MM: iso.slice(5, 7),
      dd: iso.slice(8, 10),
      HH: iso.slice(11, 13),
      mm: iso.slice(14, 16),
    },
  };
}

function slotStart(timeMs: number, unit: TimeField | undefined): number {
  const time = new Date(timeMs);
  const [year, month] = [time.getUTCFullYear(), time.getUTCMonth()];
  switch (unit) {
    case undefined:
      return 0;
    case 'yyyy':
      return Date.UTC(year, 0);
    case 'MM':
      return Date.UTC(year, month);
    case 'dd':
    case 'HH':
    case 'mm':
      return timeMs - (timeMs % UNIT_MS[unit]);
  }
}

function slotEnd(startMs: number, unit: TimeField | undefined): number {
  const start = new Date(startMs);
  const [year, month] = [start.getUTCFullYear(), start.getUTCMonth()];
  switch (unit) {
    case undefined:
      return Number.POSITIVE_INFINITY;
    case 'yyyy':
      return Date.UTC(year + 1, 0);
    case 'MM':
      return Date.UTC(year, month + 1);
    case 'dd':
    case 'HH':
    case 'mm':
      return startMs + UNIT_MS[unit];
  }
}

const UNIT_MS = { dd: 86_400_000, HH: 3_600_000, mm: 60_000 } as const;
