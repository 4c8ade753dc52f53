const MAX_CHARACTERS = 400;

/** Foreign text as it may stand in a log line or on a terminal: one line, no control characters, of bounded length. */
export function oneLine(text: string): string {
  const clean = text
    .slice(0, MAX_CHARACTERS * 2)
    .replaceAll(/[\p{Cc}\p{Cf}\s]+/gu, ' ')
    .trim();
  return clean.length > MAX_CHARACTERS ? `${clean.slice(0, MAX_CHARACTERS)}…` : clean;
}

/** What a caught value says, in one line. */
export function messageOf(error: unknown): string {
  const isError = typeof error === 'object' && error !== null && 'message' in error;
  return oneLine(isError ? String(error.message) : 'unknown error');
}
