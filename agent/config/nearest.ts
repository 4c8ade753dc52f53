/** Changes that make one word of the other: insert, delete, replace, swap of neighbours. */
function distance(a: string, b: string): number {
  const rows: number[][] = [Array.from({ length: b.length + 1 }, (_, column) => column)];
  for (let row = 1; row <= a.length; row++) {
    const line = [row];
    for (let column = 1; column <= b.length; column++) {
      const same = a[row - 1] === b[column - 1];
      let least = Math.min(
        cell(rows, row - 1, column) + 1,
        (line[column - 1] ?? 0) + 1,
        cell(rows, row - 1, column - 1) + (same ? 0 : 1),
      );
      if (row > 1 && column > 1 && a[row - 1] === b[column - 2] && a[row - 2] === b[column - 1])
        least = Math.min(least, cell(rows, row - 2, column - 2) + 1);
      line.push(least);
    }
    rows.push(line);
  }
  return cell(rows, a.length, b.length);
}

function cell(rows: readonly (readonly number[])[], row: number, column: number): number {
  return rows[row]?.[column] ?? 0;
}

/** The known name that somebody may have meant; undefined where none is close. */
export function nearest(name: string, known: readonly string[]): string | undefined {
  // Words longer than any setting are not worth the quadratic comparison.
  if (name.length > 64) return undefined;
  const lower = name.toLowerCase();
  const limit = Math.max(1, Math.floor(name.length / 3));
  let best: { readonly name: string; readonly changes: number } | undefined;
  for (const candidate of known) {
    const changes = distance(lower, candidate.toLowerCase());
    if (changes <= limit && (best === undefined || changes < best.changes))
      best = { name: candidate, changes };
  }
  return best?.name;
}
