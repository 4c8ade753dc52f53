/** What the rest of the agent knows of a log: files, positions in them, and the steps in which a follower hands them out. */

/** One file of a log, known by what it says and not by what it is called now. */
export interface LogFile {
  /** SHA-256 of the first line of the decompressed file, 64 hexadecimal digits. */
  readonly fingerprint: string;
  /** Path under which the file was opened. */
  readonly path: string;
  readonly inode: number;
}

/** Where a cursor stands: every byte of the file before `offset`, and every file before it, has been passed. */
export interface LogPosition {
  readonly file: LogFile;
  /** Byte offset in the decompressed file. */
  readonly offset: number;
}

/** Bytes that are gone before they could be read, with what is known of them. */
export interface LogGap {
  readonly reason: 'file-deleted' | 'truncated' | 'damaged-archive' | 'unlinked' | 'look-alike';
  /** The file that is not whole any more. */
  readonly file: LogFile;
  /** Where reading of that file had ended. */
  readonly offset: number;
  /** Bytes of that file known to be unread; undefined where its size is not known. */
  readonly unreadBytes: number | undefined;
}

/**
 * A follower's next piece. `bytes` stays valid until the follower is asked again; `start` and `end` are indexes into it, `offset`
 * is where `bytes[start]` stands in the decompressed file.
 */
export type LogStep =
  /** Whole lines: `bytes[end - 1]` is a line feed. Empty lines and runs of NUL may stand among them. */
  | { status: 'lines'; file: LogFile; bytes: Buffer; start: number; end: number; offset: number }
  /** The last line of a file that is finished, without its line feed. */
  | { status: 'incomplete-line'; file: LogFile; bytes: Buffer; start: number; end: number; offset: number }
  /** A line longer than `maxLineBytes`: not read into memory. `offset` its first byte, `endOffset` just past its line feed. */
  | { status: 'oversize-line'; file: LogFile; offset: number; endOffset: number }
  | { status: 'gap'; gap: LogGap }
  /** Nothing to read at the moment. */
  | { status: 'idle' };

export interface LogLag {
  /** Bytes on disk behind the cursor, as they are stored (a compressed backup counts with its compressed size). */
  readonly bytes: number;
  /** Files that hold them. */
  readonly files: number;
  /** Estimated seconds until the API server's retention deletes unread data; undefined while that cannot be known. */
  readonly untilDeletionSeconds: number | undefined;
}

/** A cursor over the files of one log. One caller, one call at a time. */
export interface LogFollower {
  /** The next piece, or `idle`. Never throws for anything a file system can do: that is reported and tried again. */
  next(signal: AbortSignal): Promise<LogStep>;
  /** Waits until there may be something new, at most `timeoutMs`. Returns early when the signal aborts. */
  wait(timeoutMs: number, signal: AbortSignal): Promise<void>;
  /** Brings `lag` up to date, for a caller that cannot take the next piece for a while. Pieces handed out stay valid. */
  look(signal: AbortSignal): Promise<void>;
  /** How far the cursor is behind, as of the last look at the directory. */
  lag(): LogLag;
  /** Whether the log can be read at the moment. */
  readable(): boolean;
  close(): Promise<void>;
}
