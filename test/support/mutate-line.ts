import { mulberry32 } from '../../agent/cli/demo/mulberry32.ts';

/** Random numbers from a seed, so that a failure can be had again. */
export function seededRandom(seed: number): () => number {
  const next = mulberry32(seed);
  return () => next() / 2 ** 32;
}

type Random = () => number;
type Mutation = (line: Buffer, random: Random) => Buffer;

const TELLING = Buffer.from('"\\{}[]:,0123456789eE+-.utfn/ \t\n\r\0\x1f\x7fab', 'latin1');
const LITERALS = [
  'null',
  'true',
  'false',
  '0',
  '-1',
  '1e5',
  '0.5',
  '01',
  '""',
  '"x"',
  '[]',
  '{}',
  '[1]',
  '["a"]',
];
const NAMES = [
  'kind',
  'apiVersion',
  'user',
  'username',
  'groups',
  'annotations',
  'stageTimestamp',
  '__proto__',
];

const MUTATIONS: readonly Mutation[] = [
  (line, random) => replaced(line, place(line, random), 1, Buffer.of(Math.floor(random() * 256))),
  (line, random) => replaced(line, place(line, random), 1, tellingByte(random)),
  (line, random) => replaced(line, place(line, random), 0, tellingByte(random)),
  (line, random) => replaced(line, place(line, random), 1 + Math.floor(random() * 8), Buffer.alloc(0)),
  (line, random) => line.subarray(0, place(line, random)),
  (line, random) => replaced(line, place(line, random), 0, Buffer.of(128 + Math.floor(random() * 128))),
  insertWhiteSpace,
  escapeKeyByte,
  swapLiteral,
  copyMember,
  insertMember,
  copyPiece,
];

/** The line with one to three random changes; most are no event any more, some are another one. */
export function mutateLine(line: Buffer, random: Random): Buffer {
  let mutated = line;
  for (let left = 1 + Math.floor(random() ** 3 * 3); left > 0; left -= 1)
    mutated = (MUTATIONS[Math.floor(random() * MUTATIONS.length)] ?? swapLiteral)(mutated, random);
  return mutated;
}

function place(line: Buffer, random: Random): number {
  return Math.floor(random() * line.length);
}

function tellingByte(random: Random): Buffer {
  return Buffer.of(TELLING[Math.floor(random() * TELLING.length)] ?? 0);
}

function pick<Value>(values: readonly Value[], random: Random, otherwise: Value): Value {
  return values[Math.floor(random() * values.length)] ?? otherwise;
}

function replaced(line: Buffer, at: number, length: number, by: Buffer): Buffer {
  return Buffer.concat([line.subarray(0, at), by, line.subarray(at + length)]);
}

/** The next place from a random one where `what` stands, or -1. */
function find(line: Buffer, what: string, random: Random): number {
  return line.indexOf(what, place(line, random));
}

function insertWhiteSpace(line: Buffer, random: Random): Buffer {
  const at = find(line, pick([':', ',', '{', '}', '[', ']'], random, ':'), random);
  return at < 0
    ? line
    : replaced(line, at + Math.round(random()), 0, Buffer.from(pick([' ', '\t', '\r'], random, ' ')));
}

/** Writes a letter of a key (or of a value) as an escape, which changes nothing for `JSON.parse`. */
function escapeKeyByte(line: Buffer, random: Random): Buffer {
  const at = find(line, pick([',"', '{"', ':"'], random, ',"'), random) + 2;
  const byte = line[at] ?? 0;
  if (at < 2 || byte < 0x61 || byte > 0x7a) return line;
  return replaced(line, at, 1, Buffer.from(`\\u00${byte.toString(16)}`));
}

function swapLiteral(line: Buffer, random: Random): Buffer {
  const start = find(line, '":', random) + 2;
  if (start < 2) return line;
  const literal = Buffer.from(pick(LITERALS, random, 'null'));
  const ends = [line.indexOf(',', start), line.indexOf('}', start)].filter((end) => end >= 0);
  return replaced(line, start, Math.min(...ends, line.length) - start, literal);
}

/** Puts a member (what stands between two commas) a second time, at the head of some object. */
function copyMember(line: Buffer, random: Random): Buffer {
  const start = find(line, ',"', random);
  const end = line.indexOf(',"', start + 1);
  const target = random() < 0.5 ? 0 : find(line, '{"', random);
  if (start < 0 || end < 0 || target < 0) return line;
  return replaced(line, target + 1, 0, Buffer.concat([line.subarray(start + 1, end), Buffer.from(',')]));
}

function insertMember(line: Buffer, random: Random): Buffer {
  const target = find(line, '{"', random);
  if (target < 0) return line;
  const member = `"${pick(NAMES, random, 'kind')}":${pick(LITERALS, random, 'null')},`;
  return replaced(line, target + 1, 0, Buffer.from(member));
}

function copyPiece(line: Buffer, random: Random): Buffer {
  const start = place(line, random);
  const piece = line.subarray(start, start + Math.floor(random() * 60));
  return replaced(line, place(line, random), 0, piece);
}
