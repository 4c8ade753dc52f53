import type { Figure } from './bench-case.ts';

/** `ok`, `OVER`, or nothing where there is no budget. A figure that is no number is over. */
export function verdictOf({ value, budget }: Figure): 'ok' | 'OVER' | '' {
  if (budget === undefined) return '';
  return value <= budget ? 'ok' : 'OVER';
}

const COLUMNS = ['what', 'figure', 'budget', 'of budget', '', 'how'] as const;

export function tableOf(figures: readonly Figure[]): string {
  const rows = [COLUMNS, ...figures.map(rowOf)];
  const widths = COLUMNS.map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  const padded = rows.map((row) =>
    row.map((cell, column) =>
      isNumeric(column) ? cell.padStart(widths[column] ?? 0) : cell.padEnd(widths[column] ?? 0),
    ),
  );
  return padded.map((row) => row.join('  ').trimEnd()).join('\n');
}

function isNumeric(column: number): boolean {
  return column >= 1 && column <= 3;
}

function rowOf(figure: Figure): string[] {
  const { what, value, unit, budget, note } = figure;
  const digits = unit === 'MB' ? 1 : 2;
  return [
    what,
    `${value.toFixed(digits)} ${unit}`,
    budget === undefined ? '' : `${budget} ${unit}`,
    budget === undefined ? '' : `${Math.round((value / budget) * 100)} %`,
    verdictOf(figure),
    note,
  ];
}
