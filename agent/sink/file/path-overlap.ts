import type { PathField, PathPart } from './path-template.ts';

/** What may stand at one place of a path: one character of `chars` (undefined: any but a slash), or, where `many`, any number of them. */
interface Place {
  readonly chars: string | undefined;
  readonly many: boolean;
}

const DIGITS = '0123456789';
const VALUE_CHARS = `${DIGITS}ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz._-`;

/** Whether there are values with which two templates name the same file. */
export function mayNameTheSame(one: readonly PathPart[], other: readonly PathPart[]): boolean {
  return meet(one.flatMap(placesOf), other.flatMap(placesOf));
}

/** Whether there are values with which a template names a file whose path begins so, in the directory that the beginning names. */
export function mayBeginWith(parts: readonly PathPart[], beginning: string): boolean {
  return meet(parts.flatMap(placesOf), [...textPlaces(beginning), { chars: undefined, many: true }]);
}

function placesOf(part: PathPart): Place[] {
  return part.kind === 'text' ? textPlaces(part.text) : fieldPlaces(part.field);
}

function textPlaces(text: string): Place[] {
  return Array.from(text, (char) => ({ chars: char, many: false }));
}

function fieldPlaces(field: PathField): Place[] {
  const digit = { chars: DIGITS, many: false };
  if (field === 'yyyy') return [digit, digit, digit, digit];
  if (field === 'MM' || field === 'dd' || field === 'HH' || field === 'mm') return [digit, digit];
  return [
    { chars: VALUE_CHARS, many: false },
    { chars: VALUE_CHARS, many: true },
  ];
}

/** Walks both at once, over every pair of places that some common text leads to. */
function meet(one: readonly Place[], other: readonly Place[]): boolean {
  const seen = new Set<number>();
  const waiting: (readonly [number, number])[] = [[0, 0]];
  for (let pair = waiting.pop(); pair !== undefined; pair = waiting.pop()) {
    const [i, j] = pair;
    if (i === one.length && j === other.length) return true;
    const key = i * (other.length + 1) + j;
    if (seen.has(key)) continue;
    seen.add(key);
    const [a, b] = [one[i], other[j]];
    if (a?.many === true) waiting.push([i + 1, j]);
    if (b?.many === true) waiting.push([i, j + 1]);
    if (a !== undefined && b !== undefined && shareCharacter(a.chars, b.chars))
      waiting.push([a.many ? i : i + 1, b.many ? j : j + 1]);
  }
  return false;
}

function shareCharacter(a: string | undefined, b: string | undefined): boolean {
  if (a === undefined) return b !== '/';
  if (b === undefined) return a !== '/';
  for (const char of a) if (b.includes(char)) return true;
  return false;
}
