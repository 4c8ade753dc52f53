import { isAbsolute, normalize } from 'node:path';

/** Placeholders of a slice's time (UTC), coarsest first. */
const TIME_FIELDS = ['yyyy', 'MM', 'dd', 'HH', 'mm'] as const;

/** Placeholders that are the same for every event of a sink. */
const CONSTANT_FIELDS = ['node', 'log', 'cluster'] as const;

/** Placeholders whose values stand in the event: anyone who may send a request chooses them. */
const EVENT_FIELDS = ['namespace', 'verb', 'level', 'stage', 'resource'] as const;

export type TimeField = (typeof TIME_FIELDS)[number];
export type ConstantField = (typeof CONSTANT_FIELDS)[number];
export type EventField = (typeof EVENT_FIELDS)[number];
export type PathField = TimeField | ConstantField | EventField;

const FIELDS: readonly PathField[] = [...TIME_FIELDS, ...EVENT_FIELDS, ...CONSTANT_FIELDS];

/** Longest value that becomes part of a path. */
export const MAX_VALUE_LENGTH = 63;

/** What a file system allows for one name, less room for what is put behind it (`.partial`, a number). */
const MAX_NAME_LENGTH = 255 - 16;
const MAX_PATH_LENGTH = 4096 - 256;

export type PathPart = { kind: 'text'; text: string } | { kind: 'field'; field: PathField };

/** The path of a `file` sink, taken apart. */
export interface PathTemplate {
  readonly parts: readonly PathPart[];
  /** The directory below which all slices lie, whatever the events hold. */
  readonly root: string;
  /** The finest unit of time in the path: how long a slice lasts. Undefined where the path names no time. */
  readonly unit: TimeField | undefined;
  readonly eventFields: readonly EventField[];
}

export type ParsedTemplate =
  { status: 'ok'; template: PathTemplate } | { status: 'invalid'; problem: string };

/** Reads a path such as `/archive/{namespace}/audit-{yyyy}{MM}{dd}{HH}.ndjson.gz`. */
export function parsePathTemplate(path: string): ParsedTemplate {
  const parts = partsOf(path);
  if (typeof parts === 'string') return { status: 'invalid', problem: parts };
  const fields = parts.flatMap((part) => (part.kind === 'field' ? [part.field] : []));
  const times = TIME_FIELDS.filter((field) => fields.includes(field));
  const problem = shapeProblem(path, parts) ?? timeProblem(times);
  if (problem !== undefined) return { status: 'invalid', problem };
  return {
    status: 'ok',
    template: {
      parts,
      root: rootOf(parts),
      unit: times.at(-1),
      eventFields: EVENT_FIELDS.filter((field) => fields.includes(field)),
    },
  };
}

/** The path with its placeholders filled in. */
export function fillTemplate(template: PathTemplate, valueOf: (field: PathField) => string): string {
  return template.parts.map((part) => (part.kind === 'text' ? part.text : valueOf(part.field))).join('');
}

function partsOf(path: string): PathPart[] | string {
  const parts: PathPart[] = [];
  for (const piece of path.split(/(\{[^{}]*\})/)) {
    if (piece === '') continue;
    const name = /^\{(.*)\}$/.exec(piece)?.[1];
    if (name === undefined) {
      if (/[{}]/.test(piece)) return 'a brace stands alone: placeholders look like {namespace}';
      parts.push({ kind: 'text', text: piece });
      continue;
    }
    const field = FIELDS.find((one) => one === name);
    if (field === undefined)
      return `{${name}} is no known placeholder; known are ${FIELDS.map((one) => `{${one}}`).join(', ')}`;
    parts.push({ kind: 'field', field });
  }
  return parts;
}

function shapeProblem(path: string, parts: readonly PathPart[]): string | undefined {
  if (!isAbsolute(path)) return 'expected an absolute path';
  if (path.includes('\0') || normalize(path) !== path)
    return 'expected a path without "..", "." and doubled slashes';
  if (path.endsWith('/')) return 'expected the path of a file, not of a directory';
  const longest = parts
    .map((part) => (part.kind === 'text' ? part.text : 'v'.repeat(maxValueLength(part.field))))
    .join('');
  if (longest.length > MAX_PATH_LENGTH) return 'the path is too long';
  if (longest.split('/').some((name) => Buffer.byteLength(name) > MAX_NAME_LENGTH))
    return `with values of ${MAX_VALUE_LENGTH} characters a name in this path has more than ${MAX_NAME_LENGTH} bytes: use fewer placeholders in it`;
  // Names that begin with a dot are the sink's own beside the slices; a value must not be able to complete one.
  if (/\/\.[^/]*\{/.test(path)) return 'a name with placeholders must not begin with a dot';
  return undefined;
}

function maxValueLength(field: PathField): number {
  return TIME_FIELDS.some((one) => one === field) ? field.length : MAX_VALUE_LENGTH;
}

/** Without the coarser units, slices of different days would share a name. */
function timeProblem(times: readonly TimeField[]): string | undefined {
  const finest = times.at(-1);
  if (finest === undefined) return undefined;
  const missing = TIME_FIELDS.slice(0, TIME_FIELDS.indexOf(finest)).filter((field) => !times.includes(field));
  if (missing.length === 0) return undefined;
  return `{${finest}} needs ${missing.map((field) => `{${field}}`).join(' and ')} beside it, or slices of different times share a name`;
}

function rootOf(parts: readonly PathPart[]): string {
  const [first] = parts;
  const text = first?.kind === 'text' ? first.text : '/';
  return text.slice(0, text.lastIndexOf('/')) || '/';
}
