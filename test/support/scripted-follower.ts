import type { LogFile, LogFollower, LogGap, LogLag, LogPosition, LogStep } from '../../agent/log/log.ts';

export const SCRIPTED_FILE: LogFile = { fingerprint: 'ab'.repeat(32), path: '/audit.log', inode: 7 };

/** What a scripted log holds, in order: text that is handed out in one step, or a step of another kind. */
export type ScriptedPiece =
  { text: string | Buffer } | { gap: LogGap } | { oversizeBytes: number } | { incomplete: string };

/** A log in memory that hands out its pieces as steps, from any position, and then is idle. */
export class ScriptedLog {
  /** How often a cursor was opened. */
  opened = 0;
  /** Steps handed out and not yet followed by another call or a close: memory that a cursor holds. */
  held = 0;
  readonly #pieces: { piece: ScriptedPiece; start: number; end: number }[] = [];
  readonly #end: number;

  constructor(pieces: readonly ScriptedPiece[]) {
    let end = 0;
    for (const piece of pieces) {
      const start = end;
      end += lengthOf(piece);
      this.#pieces.push({ piece, start, end });
    }
    this.#end = end;
  }

  follower(from: LogPosition | undefined): LogFollower {
    this.opened += 1;
    let offset = from?.offset ?? 0;
    let next = this.#pieces.findIndex(({ end }) => end > offset);
    if (next < 0) next = this.#pieces.length;
    return {
      next: async () => {
        this.held = 0;
        const at = this.#pieces[next];
        if (at === undefined) return { status: 'idle' };
        next += 1;
        this.held = 1;
        const step = stepOf(at.piece, at.start, Math.max(0, offset - at.start));
        offset = at.end;
        return step;
      },
      wait: async (_, signal) => {
        await new Promise((resolve) => setTimeout(resolve, signal.aborted ? 0 : 1));
      },
      look: async () => {},
      lag: (): LogLag => ({ bytes: this.#end - offset, files: 1, untilDeletionSeconds: undefined }),
      readable: () => true,
      close: async () => {
        this.held = 0;
      },
    };
  }
}

function lengthOf(piece: ScriptedPiece): number {
  if ('text' in piece) return Buffer.byteLength(piece.text);
  if ('incomplete' in piece) return Buffer.byteLength(piece.incomplete);
  return 'oversizeBytes' in piece ? piece.oversizeBytes : 0;
}

function stepOf(piece: ScriptedPiece, start: number, skip: number): LogStep {
  const file = SCRIPTED_FILE;
  if ('gap' in piece) return { status: 'gap', gap: piece.gap };
  if ('oversizeBytes' in piece)
    return { status: 'oversize-line', file, offset: start, endOffset: start + piece.oversizeBytes };
  const bytes = Buffer.from('text' in piece ? piece.text : piece.incomplete);
  const status = 'text' in piece ? 'lines' : 'incomplete-line';
  return { status, file, bytes, start: skip, end: bytes.length, offset: start + skip };
}
