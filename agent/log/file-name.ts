/** What the name of a file in the log's directory says. */
export interface LogFileName {
  /** The file the API server writes to. */
  readonly live: boolean;
  readonly compressed: boolean;
  /** The name without `.gz`: a backup and its compressed form have the same. */
  readonly key: string;
  /**
   * When the API server rotated the file, ms since the epoch. Its library closes a file before it renames it, so a file of such a name
   * is written to no more. Undefined for the live file and for names that other tools gave.
   */
  readonly rotatedAtMs: number | undefined;
}

const LUMBERJACK_TIME = /^(\d{4})-(\d\d)-(\d\d)T(\d\d)-(\d\d)-(\d\d)\.(\d{3})$/;
/** `audit.log.1`, `audit.log-20261121`, `audit.log-20261121-1790000000`. */
const AFTER_NAME = /^[.-]\d[\d-]*$/;
/** `audit.1.log`, `audit-20261121.log`: what logrotate does with its `extension` setting. */
const BEFORE_EXTENSION = /^(\.\d{1,6}|-\d{8}[\d-]*)$/;

/** Tells whether a name in the directory belongs to the log whose live file is called `liveName`, and what it says. */
export function parseLogFileName(liveName: string, name: string): LogFileName | undefined {
  if (name === liveName) return { live: true, compressed: false, key: name, rotatedAtMs: undefined };
  const compressed = name.endsWith('.gz');
  const key = compressed ? name.slice(0, -'.gz'.length) : name;
  const backup = { live: false, compressed, key };
  const inner = betweenStemAndExtension(liveName, key);
  if (inner !== undefined) {
    const rotatedAtMs = inner.startsWith('-') ? lumberjackTimeMs(inner.slice(1)) : undefined;
    if (rotatedAtMs !== undefined) return { ...backup, rotatedAtMs };
    if (BEFORE_EXTENSION.test(inner)) return { ...backup, rotatedAtMs: undefined };
  }
  if (key.startsWith(liveName) && AFTER_NAME.test(key.slice(liveName.length)))
    return { ...backup, rotatedAtMs: undefined };
  return undefined;
}

/** The extension is what begins at the last dot, as the API server's rotation takes it. */
function betweenStemAndExtension(liveName: string, key: string): string | undefined {
  const dot = liveName.lastIndexOf('.');
  const stem = dot < 0 ? liveName : liveName.slice(0, dot);
  const extension = dot < 0 ? '' : liveName.slice(dot);
  if (key.length <= liveName.length || !key.startsWith(stem) || !key.endsWith(extension)) return undefined;
  return key.slice(stem.length, key.length - extension.length);
}

function lumberjackTimeMs(text: string): number | undefined {
  const match = LUMBERJACK_TIME.exec(text);
  if (match === null) return undefined;
  const [, year, month, day, hour, minute, second, ms] = match.map(Number);
  const time = Date.UTC(year ?? 0, (month ?? 0) - 1, day, hour, minute, second, ms);
  return Number.isNaN(time) ? undefined : time;
}
