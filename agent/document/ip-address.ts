const DOT = 0x2e;
const COLON = 0x3a;
const ZERO = 0x30;

/**
 * Whether `bytes[start..end)` is an IP address in a spelling that every server takes: no zone, no port, no leading zeros in IPv4.
 * Anything that could be doubted is none.
 */
export function isIpAddress(bytes: Buffer, start: number, end: number): boolean {
  const length = end - start;
  if (length < 2 || length > 45) return false;
  for (let at = start; at < end && at < start + 5; at += 1) {
    const byte = bytes[at];
    if (byte === DOT) return isIpv4(bytes, start, end);
    if (byte === COLON) return isIpv6(bytes, start, end);
  }
  return false;
}

function isIpv4(bytes: Buffer, start: number, end: number): boolean {
  let dots = 0;
  let value = 0;
  let digits = 0;
  for (let at = start; at < end; at += 1) {
    const byte = bytes[at] ?? 0;
    if (byte === DOT) {
      if (digits === 0) return false;
      dots += 1;
      value = 0;
      digits = 0;
      continue;
    }
    const digit = byte - ZERO;
    if (digit < 0 || digit > 9 || (digits > 0 && value === 0)) return false;
    value = value * 10 + digit;
    digits += 1;
    if (value > 255) return false;
  }
  return dots === 3 && digits > 0;
}

function isIpv6(bytes: Buffer, start: number, end: number): boolean {
  let groups = 0;
  let compressed = bytes[start] === COLON && bytes[start + 1] === COLON;
  let at = compressed ? start + 2 : start;
  while (at < end || !compressed) {
    const groupEnd = endOfGroup(bytes, at, end);
    if (groupEnd < end && bytes[groupEnd] === DOT)
      return isIpv4(bytes, at, end) && isWhole(groups + 2, compressed);
    if (groupEnd === at || groupEnd - at > 4) return false;
    groups += 1;
    if (groupEnd === end) break;
    if (bytes[groupEnd] !== COLON) return false;
    at = groupEnd + 1;
    if (at === end) return false;
    if (bytes[at] !== COLON) continue;
    if (compressed) return false;
    compressed = true;
    at += 1;
  }
  return isWhole(groups, compressed);
}

/** Eight groups, or fewer where `::` stands for the rest. */
function isWhole(groups: number, compressed: boolean): boolean {
  return compressed ? groups < 8 : groups === 8;
}

function endOfGroup(bytes: Buffer, start: number, end: number): number {
  let at = start;
  while (at < end && isHexDigit(bytes[at] ?? 0)) at += 1;
  return at;
}

function isHexDigit(byte: number): boolean {
  return (byte >= ZERO && byte <= 0x39) || (byte >= 0x61 && byte <= 0x66) || (byte >= 0x41 && byte <= 0x46);
}
