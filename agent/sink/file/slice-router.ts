import { SLOT } from '../../event/fields.ts';
import type { Slot } from '../../event/fields.ts';
import type { EventRecord } from '../../event/record.ts';
import { parseMicroTime } from '../../event/timestamp.ts';
import { fillTemplate } from './path-template.ts';
import type { ConstantField, EventField, PathField, PathTemplate } from './path-template.ts';
import { ABSENT, MAX_PATH_VALUE_BYTES, OTHER, pathValueOf, writePathValue } from './path-value.ts';
import { sliceHead } from './slice-head.ts';
import { timeSlot } from './time-slot.ts';
import type { TimeSlot } from './time-slot.ts';

/** Combinations of values that are told apart in one day: whoever can send requests can make up any number of namespaces. */
export const MAX_DAILY_VALUES = 1000;

/** Routes that are remembered; beyond, all are forgotten and made again as they are met. */
const MAX_ROUTES = 4096;

const DAY_MS = 86_400_000;
const SEPARATOR = 0x2f;

const SLOTS: Readonly<Record<EventField, Slot>> = {
  namespace: SLOT.objectNamespace,
  verb: SLOT.verb,
  level: SLOT.level,
  stage: SLOT.stage,
  resource: SLOT.objectResource,
};

interface Route {
  readonly slotStartMs: number;
  /** The values as they stand in the path, each followed by a slash. */
  readonly key: Buffer;
  readonly head: Buffer;
}

export interface SliceRouterOptions {
  readonly template: PathTemplate;
  readonly constants: Readonly<Record<ConstantField, string | undefined>>;
  readonly nowMs: () => number;
}

/**
 * Finds the slice of each event. Runs once per line: values are compared as bytes, and a path is made only for a combination of values
 * and time that was not met lately.
 */
export class SliceRouter {
  /** `stageTimestamp` of the last event routed, ms; 0 where it had none. */
  timeMs = 0;
  readonly #template: PathTemplate;
  readonly #constants: Readonly<Record<ConstantField, string>>;
  readonly #nowMs: () => number;
  readonly #slots: readonly Slot[];
  readonly #key: Buffer;
  readonly #routes = new Map<number, Route[]>();
  #routeCount = 0;
  #slot: TimeSlot;
  readonly #toldApart = new Set<string>();
  #day = 0;

  constructor({ template, constants, nowMs }: SliceRouterOptions) {
    this.#template = template;
    this.#nowMs = nowMs;
    this.#slots = template.eventFields.map((field) => SLOTS[field]);
    this.#key = Buffer.alloc(this.#slots.length * (MAX_PATH_VALUE_BYTES + 1));
    this.#slot = timeSlot(0, template.unit);
    const { node, log, cluster } = constants;
    this.#constants = { node: pathValueOf(node), log: pathValueOf(log), cluster: pathValueOf(cluster) };
  }

  /** The head (slice-head.ts) of the slice that an event belongs to. */
  route(record: EventRecord): Buffer {
    const { starts, ends } = record.fields;
    const { bytes } = record;
    this.#setTime(parseMicroTime(bytes, starts[SLOT.stageTimestamp] ?? -1, ends[SLOT.stageTimestamp] ?? -1));
    let at = 0;
    for (const slot of this.#slots) {
      at = writePathValue(bytes, starts[slot] ?? -1, ends[slot] ?? -1, this.#key, at);
      this.#key[at] = SEPARATOR;
      at += 1;
    }
    return this.#find(at);
  }

  /** The same for a record about the agent itself, which has none of an event's values. */
  routeOwn(timeMs: number): Buffer {
    this.#setTime(timeMs);
    const absent = `${ABSENT}/`.repeat(this.#slots.length);
    return this.#find(this.#key.write(absent, 'latin1'));
  }

  #setTime(timeMs: number): void {
    const usableMs = Number.isNaN(timeMs) ? 0 : timeMs;
    this.timeMs = usableMs;
    if (usableMs >= this.#slot.startMs && usableMs < this.#slot.endMs) return;
    this.#slot = timeSlot(usableMs, this.#template.unit);
  }

  #find(keyBytes: number): Buffer {
    const key = this.#key;
    let hash = this.#slot.startMs % 0x7fffffff;
    for (let i = 0; i < keyBytes; i += 1) hash = Math.imul(hash ^ (key[i] ?? 0), 0x01000193);
    const routes = this.#routes.get(hash);
    if (routes !== undefined) {
      for (const route of routes) if (this.#matches(route, keyBytes)) return route.head;
    }
    return this.#add(hash, keyBytes);
  }

  #matches(route: Route, keyBytes: number): boolean {
    if (route.slotStartMs !== this.#slot.startMs || route.key.length !== keyBytes) return false;
    for (let i = 0; i < keyBytes; i += 1) if (route.key[i] !== this.#key[i]) return false;
    return true;
  }

  #add(hash: number, keyBytes: number): Buffer {
    this.#forgetYesterday();
    if (this.#routeCount >= MAX_ROUTES) this.#forgetRoutes();
    const key = Buffer.from(this.#key.subarray(0, keyBytes));
    const route: Route = {
      slotStartMs: this.#slot.startMs,
      key,
      head: this.#makeHead(key.toString('latin1')),
    };
    const sameHash = this.#routes.get(hash);
    if (sameHash === undefined) this.#routes.set(hash, [route]);
    else sameHash.push(route);
    this.#routeCount += 1;
    return route.head;
  }

  #makeHead(key: string): Buffer {
    const values = this.#mayTellApart(key) ? key.split('/') : this.#slots.map(() => OTHER);
    const { eventFields } = this.#template;
    const valueOf = (field: PathField): string => {
      const index = eventFields.findIndex((one) => one === field);
      if (index >= 0) return values[index] ?? OTHER;
      if (field === 'node' || field === 'log' || field === 'cluster') return this.#constants[field];
      return isTime(field) ? this.#slot.values[field] : OTHER;
    };
    return sliceHead(fillTemplate(this.#template, valueOf));
  }

  #mayTellApart(key: string): boolean {
    if (this.#toldApart.has(key)) return true;
    if (key.split('/').every((value) => value === '' || value === ABSENT || value === OTHER)) return true;
    if (this.#toldApart.size >= MAX_DAILY_VALUES) return false;
    this.#toldApart.add(key);
    return true;
  }

  #forgetYesterday(): void {
    const day = Math.floor(this.#nowMs() / DAY_MS);
    if (day === this.#day) return;
    this.#day = day;
    this.#toldApart.clear();
    this.#forgetRoutes();
  }

  #forgetRoutes(): void {
    this.#routes.clear();
    this.#routeCount = 0;
  }
}

function isTime(field: PathField): field is keyof TimeSlot['values'] {
  return field === 'yyyy' || field === 'MM' || field === 'dd' || field === 'HH' || field === 'mm';
}
