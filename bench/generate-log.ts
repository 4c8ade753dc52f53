/**
 * Writes audit logs for the bench: Metadata events of 1.3 KB mean, shaped like those of a kube-apiserver (service accounts with bound
 * tokens, kubelets, controllers, people; reads, writes, refusals), each with an auditID of its own. The same seed gives the same bytes.
 */
import { open } from 'node:fs/promises';
import { mulberry32 } from '../agent/cli/demo/mulberry32.ts';
import { ACTIONS, ACTORS, renderEvent } from './event-templates.ts';
import type { EventTemplate } from './event-templates.ts';

const CHUNK_BYTES = 1024 * 1024;
const HEX = Buffer.from('0123456789abcdef', 'latin1');
const SUFFIX_ALPHABET = Buffer.from('bcdfghjklmnpqrstvwxz2456789', 'latin1');
const LINE_FEED = 10;

export interface GeneratedLog {
  readonly path: string;
  readonly events: number;
  readonly bytes: number;
}

export interface LogOptions {
  readonly path: string;
  /** The log ends with the first event that reaches this size. */
  readonly bytes: number;
  readonly seed: number;
}

export async function generateLog({ path, bytes, seed }: LogOptions): Promise<GeneratedLog> {
  const writer = new EventWriter(seed);
  const file = await open(path, 'wx', 0o600);
  try {
    let written = 0;
    while (written < bytes) {
      const chunk = writer.nextChunk(bytes - written);
      await file.writeFile(chunk);
      written += chunk.length;
    }
    return { path, events: writer.events, bytes: written };
  } finally {
    await file.close();
  }
}

/** Every actor does every action; what does not vary is rendered once. */
function allTemplates(): EventTemplate[] {
  return ACTORS.flatMap((actor) => ACTIONS.flatMap((action) => renderEvent(actor, action)));
}

class EventWriter {
  events = 0;
  readonly #random: () => number;
  readonly #templates = allTemplates();
  readonly #chunk = Buffer.allocUnsafe(CHUNK_BYTES);
  /** Time of the first event; later ones follow some milliseconds apart. */
  #timeMs: number;

  constructor(seed: number) {
    this.#random = mulberry32(seed);
    // Logs of different seeds do not overlap in time.
    this.#timeMs = Date.UTC(2026, 10, 20) + seed * 3_600_000;
  }

  /** Whole lines, at most one chunk; the bytes are valid until the next call. */
  nextChunk(limitBytes: number): Buffer {
    let end = 0;
    const enough = Math.min(limitBytes, CHUNK_BYTES);
    while (end < enough) {
      const template = this.#templates[this.#random() % this.#templates.length];
      if (template === undefined || end + template.bytes + 1 > CHUNK_BYTES) break;
      end = this.#writeEvent(template, end);
    }
    return this.#chunk.subarray(0, end);
  }

  #writeEvent(template: EventTemplate, at: number): number {
    const random = this.#random();
    this.#timeMs += random & 7;
    let end = at;
    for (const part of template.parts) {
      if (typeof part !== 'string') end += part.copy(this.#chunk, end);
      else end = this.#writeSlot(part, end, random);
    }
    this.#chunk[end] = LINE_FEED;
    this.events += 1;
    return end + 1;
  }

  #writeSlot(slot: 'uuid' | 'suffix' | 'number' | 'received' | 'staged', at: number, random: number): number {
    switch (slot) {
      case 'uuid':
        return this.#writeUuid(at);
      case 'suffix':
        return this.#writeSuffix(at, random);
      case 'number':
        return at + this.#chunk.write(String(10_000_000 + this.events), at, 'latin1');
      case 'received':
        return this.#writeTime(at, this.#timeMs, random % 1000);
      case 'staged':
        return this.#writeTime(at, this.#timeMs + ((random >>> 10) & 15), (random >>> 4) % 1000);
    }
  }

  #writeUuid(at: number): number {
    let bits = 0;
    for (let index = 0; index < 36; index++) {
      if (index % 8 === 0) bits = this.#random();
      const dash = index === 8 || index === 13 || index === 18 || index === 23;
      this.#chunk[at + index] = dash ? 45 : (HEX[bits & 15] ?? 0);
      bits >>>= 4;
    }
    return at + 36;
  }

  /** The same for every hole of one event: the name in the URI is the name in objectRef. */
  #writeSuffix(at: number, random: number): number {
    let bits = random;
    for (let index = 0; index < 5; index++) {
      this.#chunk[at + index] = SUFFIX_ALPHABET[bits % SUFFIX_ALPHABET.length] ?? 0;
      bits >>>= 5;
    }
    return at + 5;
  }

  #writeTime(at: number, ms: number, micros: number): number {
    const text = `${new Date(ms).toISOString().slice(0, -1)}${String(micros).padStart(3, '0')}Z`;
    return at + this.#chunk.write(text, at, 'latin1');
  }
}
