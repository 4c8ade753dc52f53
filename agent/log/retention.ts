import type { LogEntry } from './directory.ts';

/**
 * Learns from what is seen how long the API server keeps its backups: the times in their names tell how often it rotates, and the
 * number it keeps is known once the oldest was seen to go when a new one came.
 */
export class Retention {
  #rotations: readonly number[] = [];
  #keptBackups: number | undefined;

  observe(files: readonly LogEntry[]): void {
    const rotations = files.flatMap(({ name }) => (name.rotatedAtMs === undefined ? [] : [name.rotatedAtMs]));
    const before = this.#rotations;
    const grew = (rotations.at(-1) ?? 0) > (before.at(-1) ?? Number.POSITIVE_INFINITY);
    const oldestGone = before[0] !== undefined && before[0] < (rotations[0] ?? 0);
    if (grew && oldestGone) this.#keptBackups = rotations.length;
    else if (this.#keptBackups !== undefined && rotations.length > this.#keptBackups)
      this.#keptBackups = undefined;
    this.#rotations = rotations;
  }

  /**
   * Seconds until the file that was rotated at that time is deleted, or the live file where it is undefined. Undefined while that
   * cannot be known.
   */
  secondsUntilDeletion(rotatedAtMs: number | undefined, nowMs: number): number | undefined {
    const first = this.#rotations[0];
    const last = this.#rotations.at(-1);
    const kept = this.#keptBackups;
    if (kept === undefined || first === undefined || last === undefined || last <= first) return undefined;
    const intervalMs = (last - first) / (this.#rotations.length - 1);
    const older =
      rotatedAtMs === undefined ? this.#rotations : this.#rotations.filter((time) => time < rotatedAtMs);
    const spare = Math.max(0, kept - this.#rotations.length);
    const deletedAtMs = last + intervalMs * (older.length + spare + 1);
    return Math.max(0, (deletedAtMs - nowMs) / 1000);
  }
}
