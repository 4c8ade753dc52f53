import type { z } from 'zod';

const TYPE_NAMES: Readonly<Record<string, string>> = {
  string: 'text',
  number: 'a number',
  int: 'a whole number',
  boolean: 'true or false',
  object: 'a mapping',
  array: 'a list',
  record: 'a mapping',
};

/** What a check expects, in our words. Never with the value: whoever prints the sentence decides whether it may be shown. */
export function issueSentence(issue: z.core.$ZodRawIssue): string {
  const expected = expectation(issue);
  if (expected === undefined) return limitSentence(issue);
  return issue.input === undefined ? `is required: expected ${expected}` : `expected ${expected}`;
}

function expectation(issue: z.core.$ZodRawIssue): string | undefined {
  if (issue.code === 'invalid_type') return TYPE_NAMES[issue.expected] ?? issue.expected;
  if (issue.code === 'invalid_value') return oneOf(issue.values);
  if (issue.code !== 'invalid_union') return undefined;
  const types = unionTypes(issue);
  return types.length > 0 ? oneOf(types) : alternativesOf(issue.errors ?? []);
}

/** The types that a union on `type` knows; empty for other unions. */
export function unionTypes(issue: object): readonly string[] {
  return 'options' in issue && Array.isArray(issue.options)
    ? issue.options.filter((option) => typeof option === 'string')
    : [];
}

function oneOf(values: readonly unknown[]): string {
  const list = values.map((value) => JSON.stringify(value)).join(', ');
  return values.length === 1 ? list : `one of ${list}`;
}

/** A union whose members all want another type: their expectations, joined. */
function alternativesOf(branches: readonly (readonly z.core.$ZodIssue[])[]): string {
  const wanted = branches
    .flatMap((branch) => branch.slice(0, 1))
    .map((issue) => {
      return issue.message.replace(/^(is required: )?expected /, '');
    });
  return [...new Set(wanted)].join(' or ') || 'another value';
}

function limitSentence(issue: z.core.$ZodRawIssue): string {
  if (issue.code === 'too_small') return tooSmall(issue.origin, Number(issue.minimum));
  if (issue.code === 'too_big') return tooBig(issue.origin, Number(issue.maximum));
  if (issue.code === 'invalid_format')
    return issue.format === 'url' ? 'expected a URL' : 'does not have the expected form';
  return 'is not valid';
}

function tooSmall(origin: string, minimum: number): string {
  if (origin === 'string')
    return minimum === 1 ? 'must not be empty' : `needs at least ${minimum} characters`;
  if (origin === 'array') return `needs at least ${minimum} ${minimum === 1 ? 'entry' : 'entries'}`;
  return `must be at least ${minimum}`;
}

function tooBig(origin: string, maximum: number): string {
  if (origin === 'string') return `has more than ${maximum} characters`;
  if (origin === 'array') return `has more than ${maximum} entries`;
  return `must be at most ${maximum}`;
}
