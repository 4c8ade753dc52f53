/** Turns what a schema found into problems for people: with line and value, without secrets. */
import type { z } from 'zod';
import type { ConfigProblem } from '../errors.ts';
import { isObject } from '../is-object.ts';
import type { Environment } from './expand-env.ts';
import { isSecretAt, knownKeysAt, memberOf, valueAt } from './inspect-schema.ts';
import { unionTypes } from './issue-sentence.ts';
import { nearest } from './nearest.ts';
import type { SettingPath } from './path-text.ts';
import { type LineOf, problemAt } from './problem-at.ts';
import type { SettingOrigin } from './read-yaml.ts';

const MAX_SHOWN_CHARACTERS = 100;
/** Shorter secrets would black out innocent words of a message; they are still never printed as a value. */
const MIN_SCRUBBED_CHARACTERS = 4;

/** What is needed to tell where a value came from and whether it may be shown. */
export interface ProblemContext {
  readonly schema: z.core.$ZodType;
  readonly root: unknown;
  readonly env: Environment;
  readonly origin: (path: SettingPath) => SettingOrigin | undefined;
  readonly lineOf: LineOf;
  /** Paths whose problem is known already. */
  readonly isRefused: (path: SettingPath) => boolean;
}

/** All problems of a failed parse. */
export function issueProblems(issues: readonly z.core.$ZodIssue[], context: ProblemContext): ConfigProblem[] {
  const secrets = secretTexts(context.root, [], context);
  return issues
    .flatMap(unfold)
    .filter((issue) => !context.isRefused(settingPath(issue.path)))
    .flatMap((issue) => problemsOf(issue, context))
    .map((problem) => ({ ...problem, problem: scrub(problem.problem, secrets) }));
}

/** The issues of the member of a union that the value was meant for; the issue itself where that cannot be told. */
function unfold(issue: z.core.$ZodIssue): z.core.$ZodIssue[] {
  if (issue.code !== 'invalid_union') return [issue];
  const meant = issue.errors.find(
    (branch) => branch.length > 0 && !branch.some((one) => one.path.length === 0 && isOtherKind(one)),
  );
  if (meant === undefined) return [issue];
  return meant.flatMap((one) => unfold({ ...one, path: [...issue.path, ...one.path] }));
}

function isOtherKind(issue: z.core.$ZodIssue): boolean {
  return issue.code === 'invalid_type' || issue.code === 'invalid_value';
}

function settingPath(path: readonly PropertyKey[]): SettingPath {
  return path.map((step) => (typeof step === 'symbol' ? step.toString() : step));
}

function problemsOf(issue: z.core.$ZodIssue, context: ProblemContext): ConfigProblem[] {
  const path = settingPath(issue.path);
  if (issue.code === 'unrecognized_keys')
    return issue.keys.map((key) => problemAt([...path, key], unknownKey(key, path, context), context.lineOf));
  const shown = issue.message.startsWith('is required') ? '' : shownValue(path, issue.code, context);
  const meant = suggestion(issue, valueAt(context.root, path));
  const problem = `${withoutExpansions(issue.message, path, context)}${shown}${meant}`;
  return [problemAt(path, problem, context.lineOf)];
}

/** The value of an unknown key is never shown: it may be a secret under a misspelt name. */
function unknownKey(key: string, path: SettingPath, context: ProblemContext): string {
  const known = knownKeysAt(context.schema, context.root, path);
  const meant = nearest(key, known);
  return meant === undefined
    ? `is no setting; known here: ${known.join(', ')}`
    : `is no setting; did you mean "${meant}"?`;
}

function suggestion(issue: z.core.$ZodIssue, value: unknown): string {
  if (typeof value !== 'string') return '';
  const known = issue.code === 'invalid_value' ? issue.values : unionTypes(issue);
  const meant = nearest(
    value,
    known.filter((one) => typeof one === 'string'),
  );
  return meant === undefined ? '' : `; did you mean "${meant}"?`;
}

/** `, got …` for a value that may be shown. A text is shown as it stands in the file, so that no variable's value is. */
function shownValue(path: SettingPath, code: string | undefined, context: ProblemContext): string {
  const value = valueAt(context.root, path);
  if (typeof value === 'object' && value !== null) {
    if (code === 'custom') return '';
    return Array.isArray(value) ? ', got a list' : ', got a mapping';
  }
  if (isSecretAt(context.schema, context.root, path)) return ' (the value is secret and not shown)';
  if (value === null || value === undefined) return ', got nothing';
  if (typeof value !== 'string') return `, got ${JSON.stringify(value)}`;
  return `, got ${JSON.stringify(shorten(hideUrlSecrets(context.origin(path)?.source ?? value)))}`;
}

function hideUrlSecrets(text: string): string {
  return text.replace(/\/\/[^/\s]*@/g, '//[hidden]@').replace(/(:\/\/[^?\s]*\?)\S+/g, '$1[hidden]');
}

function shorten(text: string): string {
  return text.length <= MAX_SHOWN_CHARACTERS ? text : `${text.slice(0, MAX_SHOWN_CHARACTERS)}…`;
}

/** A component's own message may quote the value: variables in it are named again instead. */
function withoutExpansions(message: string, path: SettingPath, context: ProblemContext): string {
  const variables = variablesUnder(valueAt(context.root, path), path, context);
  return variables.reduce((text, name) => {
    const value = context.env[name] ?? '';
    return value === '' ? text : text.replaceAll(value, `\${${name}}`);
  }, message);
}

function variablesUnder(value: unknown, path: SettingPath, context: ProblemContext): string[] {
  const own = context.origin(path)?.variables ?? [];
  return [
    ...own,
    ...stepsOf(value).flatMap((step) => variablesUnder(memberOf(value, step), [...path, step], context)),
  ];
}

function stepsOf(value: unknown): (string | number)[] {
  if (Array.isArray(value)) return [...value.keys()];
  return isObject(value) ? Object.keys(value) : [];
}

/** Every text of the file that stands under a secret setting. */
function secretTexts(value: unknown, path: SettingPath, context: ProblemContext): string[] {
  if (typeof value === 'string')
    return value.length >= MIN_SCRUBBED_CHARACTERS && isSecretAt(context.schema, context.root, path)
      ? [value]
      : [];
  return stepsOf(value).flatMap((step) => secretTexts(memberOf(value, step), [...path, step], context));
}

function scrub(text: string, secrets: readonly string[]): string {
  return secrets.reduce((scrubbed, secret) => scrubbed.replaceAll(secret, '[secret]'), text);
}
