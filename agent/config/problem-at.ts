import type { ConfigProblem } from '../errors.ts';
import { pathText, type SettingPath } from './path-text.ts';

/** Finds the line of a setting. */
export type LineOf = (path: SettingPath) => number | undefined;

export function problemAt(path: SettingPath, problem: string, lineOf: LineOf): ConfigProblem {
  const line = lineOf(path);
  return { path: pathText(path), ...(line === undefined ? {} : { line }), problem };
}
