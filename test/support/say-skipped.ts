/**
 * Says that tests are left out, and for want of what. Not through the console: what a file prints there is not shown when all of its
 * tests are skipped.
 */
export function saySkipped(why: string): void {
  process.stderr.write(`skipped: ${why}\n`);
}
