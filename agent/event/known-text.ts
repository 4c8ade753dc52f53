import { API_VERSION, DECISION_ANNOTATION, KIND, OBJECT_NAMES, REASON_ANNOTATION, SHAPE } from './shape.ts';

/**
 * The texts that the scan expects, compared in full and four bytes at a time. A text is a number. The first ones are the keys of the
 * objects that are read (`name":`, without the opening quote): object after object as in OBJECT_NAMES, each in the order of the API
 * server, so that the next key can be guessed.
 */
const KEYS = OBJECT_NAMES.flatMap((name) => SHAPE[name].map((member) => `${member.name}":`));

/** Texts that are no key of these objects. */
export const TEXT = {
  kind: KEYS.length,
  apiVersion: KEYS.length + 1,
  decision: KEYS.length + 2,
  decisionReason: KEYS.length + 3,
} as const;

const texts = [
  ...KEYS,
  `"${KIND}"`,
  `"${API_VERSION}"`,
  `${DECISION_ANNOTATION}":`,
  `${REASON_ANNOTATION}":`,
].map((text) => Buffer.from(text));

const WORD = 4;
const MAX_LENGTH = Math.max(...texts.map((text) => text.length));

export const textLength = Int32Array.from(texts, (text) => text.length);
// No text is shorter than a word; the last word may overlap the one before it. One table each: this is the hottest spot of the scan.
const firstWord = Int32Array.from(texts, (text) => text.readInt32LE(0));
const lastWord = Int32Array.from(texts, (text) => text.readInt32LE(text.length - WORD));
/** The words between, for each text at the text's number times `MIDDLE_WORDS`. */
const MIDDLE_WORDS = 8;
const middleWords = new Int32Array(texts.length * MIDDLE_WORDS);
for (const [text, bytes] of texts.entries())
  for (let at = WORD, word = text * MIDDLE_WORDS; at < bytes.length - WORD; at += WORD, word += 1)
    middleWords[word] = bytes.readInt32LE(at);

/** True where the text stands at `at`. `view` shows `bytes`. */
export function isText(bytes: Uint8Array, view: DataView, at: number, text: number): boolean {
  if (at + MAX_LENGTH > bytes.length) return isTextByBytes(bytes, at, text);
  if (view.getInt32(at, true) !== firstWord[text]) return false;
  const lastAt = at + (textLength[text] ?? 0) - WORD;
  if (view.getInt32(lastAt, true) !== lastWord[text]) return false;
  for (let i = at + WORD, word = text * MIDDLE_WORDS; i < lastAt; i += WORD, word += 1)
    if (view.getInt32(i, true) !== middleWords[word]) return false;
  return true;
}

/** For the last bytes, where there is no whole word to read. */
function isTextByBytes(bytes: Uint8Array, at: number, text: number): boolean {
  const expected = texts[text];
  if (expected === undefined || at + expected.length > bytes.length) return false;
  return expected.every((byte, index) => bytes[at + index] === byte);
}
