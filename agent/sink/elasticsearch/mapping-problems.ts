import { isObject } from '../../is-object.ts';
import { fieldOf } from '../bulk/server-error.ts';

/** Paths and types of all fields of a mapping. */
function typesOf(mapping: unknown, prefix = ''): Map<string, string> {
  const types = new Map<string, string>();
  const properties = fieldOf(mapping, 'properties');
  for (const [name, field] of Object.entries(isObject(properties) ? properties : {})) {
    const path = `${prefix}${name}`;
    const type = fieldOf(field, 'type');
    if (typeof type === 'string') types.set(path, type);
    for (const [inner, innerType] of typesOf(field, `${path}.`)) types.set(inner, innerType);
  }
  return types;
}

/**
 * Which fields of an index template the newest index of a data stream lacks or maps otherwise, given the body of the template and the
 * answer to `GET <data stream>/_mapping`.
 */
export function mappingProblems(template: unknown, answer: unknown): string[] {
  const indexes = Object.entries(isObject(answer) ? answer : {});
  // Names of backing indices end in the number of their generation.
  const newest = indexes.toSorted(([a], [b]) => generationOf(a) - generationOf(b)).at(-1)?.[1];
  const wanted = typesOf(fieldOf(fieldOf(template, 'template'), 'mappings'));
  const found = typesOf(fieldOf(newest, 'mappings'));
  const problems: string[] = [];
  for (const [path, type] of wanted) {
    const actual = found.get(path);
    if (actual === undefined) problems.push(`${path} is not mapped`);
    else if (actual !== type) problems.push(`${path} is ${actual}, not ${type}`);
  }
  return problems;
}

function generationOf(index: string): number {
  return Number(/-(\d+)$/.exec(index)?.[1] ?? 0);
}
