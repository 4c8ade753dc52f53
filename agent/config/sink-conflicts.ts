import type { ConfigProblem } from '../errors.ts';
import { type LineOf, problemAt } from './problem-at.ts';
import type { SinkSchema, SinkSettings } from './schema.ts';

/** What keeps sinks of one type from working beside each other. */
export interface SinkConflict {
  /** Which of the sinks that were given. */
  readonly index: number;
  readonly setting: string;
  readonly problem: string;
}

/** Problems that no sink has by itself: with others of its type, or with the logs. */
export function sinkConflicts(
  config: { readonly sinks: readonly SinkSettings[]; readonly logs: readonly { readonly path: string }[] },
  definitions: readonly SinkSchema[],
  lineOf: LineOf,
): ConfigProblem[] {
  return definitions.flatMap((definition) => {
    const places = config.sinks.flatMap(({ type }, place) => (type === definition.type ? [place] : []));
    const sinks = places.map((place) => config.sinks[place]);
    const logPaths = config.logs.map(({ path }) => path);
    const conflicts = definition.conflicts?.(sinks, logPaths) ?? [];
    return conflicts.map(({ index, setting, problem }) =>
      problemAt(['sinks', places[index] ?? 0, setting], problem, lineOf),
    );
  });
}
