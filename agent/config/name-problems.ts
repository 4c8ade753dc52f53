import type { ConfigProblem } from '../errors.ts';
import { memberOf, valueAt } from './inspect-schema.ts';
import { pathText, type SettingPath } from './path-text.ts';
import { type LineOf, problemAt } from './problem-at.ts';

interface NamedEntry {
  readonly path: SettingPath;
  readonly name: string;
}

/**
 * Names that do not tell logs or sinks apart. Looked at on the raw values, so that these problems are reported together with all
 * others.
 */
export function nameProblems(root: unknown, lineOf: LineOf): ConfigProblem[] {
  const logs = namedEntries(root, 'logs');
  const sinks = namedEntries(root, 'sinks');
  return [...duplicates(logs, lineOf), ...duplicates(sinks, lineOf), ...ambiguousPairs(logs, sinks, lineOf)];
}

function namedEntries(root: unknown, list: 'logs' | 'sinks'): NamedEntry[] {
  const entries = valueAt(root, [list]);
  if (!Array.isArray(entries)) return [];
  return entries.flatMap((entry: unknown, index) => {
    const name = memberOf(entry, 'name');
    return typeof name === 'string' ? [{ path: [list, index, 'name'], name }] : [];
  });
}

function duplicates(entries: readonly NamedEntry[], lineOf: LineOf): ConfigProblem[] {
  return entries.flatMap((entry, index) => {
    const first = entries.slice(0, index).find((other) => other.name === entry.name);
    if (first === undefined) return [];
    return [
      problemAt(
        entry.path,
        `"${entry.name}" is the name of ${pathText(first.path.slice(0, 2))} already`,
        lineOf,
      ),
    ];
  });
}

/** Position files are called `<log>.<sink>`: names with dots must not make two pairs look the same. */
function ambiguousPairs(
  logs: readonly NamedEntry[],
  sinks: readonly NamedEntry[],
  lineOf: LineOf,
): ConfigProblem[] {
  const pairs = new Map<string, string>();
  const problems: ConfigProblem[] = [];
  for (const log of logs)
    for (const sink of sinks) {
      const file = `${log.name}.${sink.name}`;
      const owner = pairs.get(file);
      pairs.set(file, log.name);
      if (owner !== undefined && owner !== log.name)
        problems.push(
          problemAt(sink.path, `"${file}" would name the position of two pairs of log and sink`, lineOf),
        );
    }
  return problems;
}
