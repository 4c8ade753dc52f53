import { styleText } from 'node:util';
import { formatByteSize } from '../../config/units.ts';
import { printable } from '../printable.ts';
import type { DeliveredEvent } from './archive-reader.ts';

/** Events shown per look at the archive; all are counted. */
const SHOWN_AT_ONCE = 4;
const CLEAR_LINE = '\r\u001B[2K';

export interface DemoFigures {
  readonly written: number;
  readonly delivered: number;
  readonly rotations: number;
  readonly lagBytes: number;
}

/** Prints events as they arrive; on a terminal a line at the bottom says how far delivery is behind. */
export interface DemoScreen {
  show(events: readonly DeliveredEvent[], figures: DemoFigures): void;
  /** Takes the bottom line away. */
  end(): void;
}

export function createDemoScreen(out: (text: string) => void, isTerminal: boolean): DemoScreen {
  return {
    show: (events, figures) => {
      if (events.length === 0 && !isTerminal) return;
      const lines = events.slice(-SHOWN_AT_ONCE).map((event) => `${eventLine(event, isTerminal)}\n`);
      if (isTerminal) out(`${CLEAR_LINE}${lines.join('')}${styleText('dim', figuresLine(figures))}`);
      else out(`${lines.join('')}${figuresLine(figures)}\n`);
    },
    end: () => {
      if (isTerminal) out(CLEAR_LINE);
    },
  };
}

function eventLine(event: DeliveredEvent, isTerminal: boolean): string {
  const { time, code, verb, target, user } = event;
  const cells = [time, code.padEnd(3), verb.padEnd(7), printable(target).padEnd(52), printable(user)];
  const style = Number(code) >= 500 ? 'red' : Number(code) >= 400 ? 'yellow' : 'green';
  if (isTerminal) cells[1] = styleText(style, code.padEnd(3));
  return cells.join('  ');
}

function figuresLine({ written, delivered, rotations, lagBytes }: DemoFigures): string {
  const behind = lagBytes === 0 ? 'nothing behind' : `${formatByteSize(lagBytes)} behind`;
  return `written ${written}, delivered ${delivered}, rotations ${rotations}, ${behind}`;
}
