import { SLOT } from '../event/fields.ts';
import type { EventRecord } from '../event/record.ts';
import { constantBytes } from './constant-bytes.ts';
import type { DocumentWriter } from './document-writer.ts';
import { isIpAddress } from './ip-address.ts';

const QUOTE = 0x22;
const COMMA = 0x2c;
const OPEN_BRACKET = 0x5b;
const BACKSLASH = 0x5c;
const CLOSE_BRACKET = 0x5d;
const CLOSE_BRACE = 0x7d;

const SOURCE = constantBytes(',"source":{"ip":');
const CLIENT = constantBytes(',"client":{"ip":');

/**
 * Copies `sourceIPs` to the fields that a server takes addresses in. All but the last entry are the client's own words
 * (X-Forwarded-For), and a single entry that is no address would have the whole document refused, so those are left out.
 */
export class SourceAddresses {
  #listStart = 0;
  #listEnd = 0;
  #peerStart = -1;
  #peerEnd = -1;

  /** Writes `source.ip` and `client.ip`: all addresses. */
  write(out: DocumentWriter, record: EventRecord): void {
    this.#peerStart = -1;
    this.#listStart = 0;
    const start = record.fields.starts[SLOT.sourceIPs] ?? -1;
    if (start < 0 || record.bytes[start] !== OPEN_BRACKET) return;
    const before = out.at;
    out.literal(SOURCE);
    const listStart = out.at;
    this.#copyValid(out, record, start);
    if (out.at === listStart) {
      out.at = before;
      return;
    }
    out.target[listStart] = OPEN_BRACKET;
    out.byte(CLOSE_BRACKET);
    this.#listStart = listStart;
    this.#listEnd = out.at;
    out.byte(CLOSE_BRACE);
    this.#writeAgain(out, CLIENT);
    out.byte(CLOSE_BRACE);
  }

  /** `name` and the list, as `write` has just made it. */
  writeList(out: DocumentWriter, name: Buffer): void {
    if (this.#listStart > 0) this.#writeAgain(out, name);
  }

  /** `name` and the last entry: the TCP peer, the one that nobody can forge. Returns whether it is known. */
  writePeer(out: DocumentWriter, name: Buffer, record: EventRecord): boolean {
    if (this.#peerStart < 0) return false;
    out.literal(name);
    out.copy(record.bytes, this.#peerStart, this.#peerEnd);
    return true;
  }

  #writeAgain(out: DocumentWriter, name: Buffer): void {
    out.literal(name);
    out.copy(out.target, this.#listStart, this.#listEnd);
  }

  /** Each address with a comma before it. */
  #copyValid(out: DocumentWriter, record: EventRecord, start: number): void {
    const { bytes } = record;
    const end = record.fields.ends[SLOT.sourceIPs] ?? 0;
    let at = start + 1;
    while (bytes[at] === QUOTE) {
      const next = endOfString(bytes, at, end);
      const valid = isIpAddress(bytes, at + 1, next - 1);
      if (valid) {
        out.byte(COMMA);
        out.copy(bytes, at, next);
      }
      this.#peerStart = valid ? at : -1;
      this.#peerEnd = next;
      if (bytes[next] !== COMMA) return;
      at = next + 1;
    }
  }
}

/** Just past the closing quote of the string whose opening quote is `bytes[start]`. */
function endOfString(bytes: Buffer, start: number, end: number): number {
  let at = start + 1;
  while (at < end && bytes[at] !== QUOTE) at += bytes[at] === BACKSLASH ? 2 : 1;
  return at + 1;
}
