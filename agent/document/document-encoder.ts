import { SLOT } from '../event/fields.ts';
import type { LineFields, Slot } from '../event/fields.ts';
import type { EventRecord } from '../event/record.ts';
import type { DocumentContext } from '../sink/definition.ts';
import { MAX_BODIES_BYTES, writeBodiesText } from './bodies-text.ts';
import { classify } from './classification.ts';
import { ConstantBlocks } from './constant-blocks.ts';
import { constantBytes } from './constant-bytes.ts';
import { MAX_IMAGE_BYTES, writeContainerImages } from './container-images.ts';
import { DocumentWriter, stringMember } from './document-writer.ts';
import type { StringMember } from './document-writer.ts';
import { copyEvent, hasSafeAnnotationKeys, withSafeObjects } from './event-copy.ts';
import { EventTimes } from './event-times.ts';
import { IdentityBlocks, maxBlockBytes } from './identity-blocks.ts';
import type { IdentityBlock } from './identity-blocks.ts';
import { RbacBlocks } from './rbac-blocks.ts';
import { safeEnvelope } from './safe-event.ts';

/** How much of an event a document carries. */
export type DocumentForm =
  /** The event as logged. */
  | 'whole'
  /** Without requestObject and responseObject; `k8s_audit.truncated` names those that were there. */
  | 'without-bodies'
  /** Bodies as one escaped string in `k8s_audit.bodies`; the rest such that the server takes it whatever the event holds. */
  | 'bodies-as-text';

export interface DocumentEncoderOptions {
  /** Name of the data stream, such as `logs-kubernetes.audit_logs-default`; its parts become `data_stream.*`. */
  readonly dataStream: string;
  /** Time of day, ms since the epoch: `event.created` and `event.ingested`. */
  readonly nowMs: () => number;
}

/**
 * Writes the Elasticsearch or OpenSearch document of an event. One encoder per sink; what the last `write` left in `eventStart`,
 * `stageTimeMs`, `keyUnderscores` and `restorable` holds until the next one.
 */
export interface DocumentEncoder {
  /** Where the event stands in the target of the last write (its `{`). */
  readonly eventStart: number;
  /** `stageTimestamp` of the last write's event, ms since the epoch; NaN where it is no time. */
  readonly stageTimeMs: number;
  /** Underscores that stood in annotation keys before dots became underscores, as indexes of the last write's target. Reused. */
  readonly keyUnderscores: readonly number[];
  /** Whether `restoreLine` can make the line of the last write's document; where not, the line must be kept (`commitDocument`). */
  readonly restorable: boolean;
  /** Upper bound of the bytes that `write` needs in that form (default `whole`). */
  maxBytes(record: EventRecord, form?: DocumentForm): number;
  /**
   * Writes one JSON document without a line feed at `target[at]`, where `maxBytes` bytes must be free, and returns its end. `note`
   * says why the form is not `whole`; it goes to `k8s_audit.degraded`.
   */
  write(record: EventRecord, target: Buffer, at: number, form: DocumentForm, note?: string): number;
}

export function createDocumentEncoder(
  context: DocumentContext,
  options: DocumentEncoderOptions,
): DocumentEncoder {
  return new Encoder(context, options);
}

/**
 * Names, punctuation, times and numbers of a document beside its blocks, annotation keys that grow when they are made safe, and the
 * note: more than all of them together.
 */
const FIXED_BYTES = 2048;

/** An event written anew may grow (numbers lose their exponents), but never as far as this. */
const ANEW_FACTOR = 6;

/** Longest note that is kept, characters. */
const MAX_NOTE_LENGTH = 128;

const DURATION = constantBytes(',"duration":');
const RESOURCE = constantBytes(',"resource":');
const K8S_AUDIT = constantBytes(',"k8s_audit":');
const BODIES = constantBytes(',"bodies":');
const AUDIT = constantBytes('},"kubernetes":{"audit":');
const AUDIT_END = constantBytes('}}');

/** Ends `event`. */
const TIMESTAMP = '},"@timestamp":';
const ACTION_AND_ID: readonly StringMember[] = [
  stringMember(',"action":', SLOT.verb),
  stringMember(',"id":', SLOT.auditID),
];
/** The strings of `event` and what follows it, by which of the two times can be used: 1 for that of the stage, 2 for that of receipt. */
const EVENT_STRINGS: readonly (readonly StringMember[])[] = [
  ACTION_AND_ID,
  [
    ...ACTION_AND_ID,
    stringMember(',"end":', SLOT.stageTimestamp),
    stringMember(TIMESTAMP, SLOT.stageTimestamp),
  ],
  [
    ...ACTION_AND_ID,
    stringMember(',"start":', SLOT.requestReceivedTimestamp),
    stringMember(TIMESTAMP, SLOT.requestReceivedTimestamp),
  ],
  [
    ...ACTION_AND_ID,
    stringMember(',"start":', SLOT.requestReceivedTimestamp),
    stringMember(',"end":', SLOT.stageTimestamp),
    stringMember(TIMESTAMP, SLOT.stageTimestamp),
  ],
];
const NO_TIMES = 0;
const TIMESTAMP_BYTES = constantBytes(TIMESTAMP);

const NAMESPACE_STRINGS = [stringMember(',"namespace":', SLOT.objectNamespace)];
const RESOURCE_STRINGS = [
  stringMember(',"name":', SLOT.objectName),
  stringMember(',"type":', SLOT.objectResource),
];

const CLOSE_BRACE = 0x7d;

class Encoder implements DocumentEncoder {
  eventStart = 0;
  stageTimeMs = Number.NaN;
  restorable = true;
  readonly keyUnderscores: number[] = [];
  readonly #nowMs: () => number;
  readonly #blocks: ConstantBlocks;
  readonly #identities = new IdentityBlocks();
  readonly #rbac = new RbacBlocks();
  readonly #times = new EventTimes();
  readonly #out = new DocumentWriter();

  constructor(context: DocumentContext, options: DocumentEncoderOptions) {
    this.#nowMs = options.nowMs;
    this.#blocks = new ConstantBlocks(context, options.dataStream);
  }

  maxBytes(record: EventRecord, form: DocumentForm = 'whole'): number {
    this.#blocks.useFile(record.file);
    const { fields } = record;
    const images = Math.min(lengthOf(fields, SLOT.requestObject), MAX_IMAGE_BYTES);
    const head = FIXED_BYTES + this.#blocks.maxBytes + copiedBytes(fields) + images;
    const event = record.end - record.start;
    if (form === 'whole')
      return head + event + lengthOf(fields, SLOT.userExtra) + lengthOf(fields, SLOT.impersonatedExtra);
    const bodies = lengthOf(fields, SLOT.requestObject) + lengthOf(fields, SLOT.responseObject);
    const text = form === 'bodies-as-text' ? Math.min(bodies * ANEW_FACTOR, MAX_BODIES_BYTES) : 0;
    return head + (event - bodies) * ANEW_FACTOR + text;
  }

  /**
   * One long function on purpose: the optimizing compiler copies what is called into each caller, up to a limit per caller, so several
   * short functions in its place give it more to do, and that counts in every process anew.
   */
  write(record: EventRecord, target: Buffer, at: number, form: DocumentForm, note?: string): number {
    const out = this.#out;
    const blocks = this.#blocks;
    const times = this.#times;
    const { bytes, fields } = record;
    blocks.useFile(record.file);
    blocks.useTime(this.#nowMs());
    times.read(record);
    this.stageTimeMs = times.stageMs;
    const identity = this.#identities.of(record);
    const anew = eventAnew(record, form, identity);

    out.begin(target, at);
    out.literal(blocks.file);
    out.integer(record.offset);
    out.literal(blocks.event);
    out.integer(record.offset);
    out.literal(classify(bytes, fields));
    if (times.durationNs >= 0) {
      out.literal(DURATION);
      out.integer(times.durationNs);
    }
    out.strings(EVENT_STRINGS[times.usable] ?? ACTION_AND_ID, bytes, fields);
    if (times.usable === NO_TIMES) this.#writeAgentTime();
    if (fields.has(SLOT.requestObject)) writeContainerImages(out, record);

    out.literal(identity.members);
    // `k8s_audit`: what no other schema has a place for. It is nearly always there, and begun by the identity then.
    const opened = identity.hasPeer ? -1 : out.open(K8S_AUDIT);
    out.literal(this.#rbac.of(record));
    if (form !== 'whole' || anew !== undefined || record.degraded !== '' || note !== undefined)
      this.#writeNotes(record, form, notesOf(record, anew !== undefined && form === 'whole', note));
    if (opened < 0) out.byte(CLOSE_BRACE);
    else out.closeObject(opened, K8S_AUDIT);

    out.literal(blocks.orchestrator);
    if (fields.has(SLOT.objectRef)) {
      out.strings(NAMESPACE_STRINGS, bytes, fields);
      const resource = out.open(RESOURCE);
      out.strings(RESOURCE_STRINGS, bytes, fields);
      out.closeObject(resource, RESOURCE);
    }
    out.literal(AUDIT);
    this.#writeAudit(record, anew);
    out.literal(AUDIT_END);
    return out.at;
  }

  /** `@timestamp` of an event that has no time of its own. */
  #writeAgentTime(): void {
    this.#out.literal(TIMESTAMP_BYTES);
    this.#out.copy(this.#blocks.event, this.#blocks.timeStart, this.#blocks.timeEnd);
  }

  /** Why the document is not quite the event as logged. */
  #writeNotes(record: EventRecord, form: DocumentForm, notes: string): void {
    if (notes !== '') this.#out.literal(constantBytes(notes));
    if (form !== 'whole') this.#writeReduced(record, form);
  }

  /** What became of the bodies. */
  #writeReduced(record: EventRecord, form: DocumentForm): void {
    const { fields } = record;
    const names: string[] = [];
    if (fields.has(SLOT.requestObject)) names.push('requestObject');
    if (fields.has(SLOT.responseObject)) names.push('responseObject');
    if (names.length === 0) return;
    let truncated = names;
    if (form === 'bodies-as-text') {
      this.#out.literal(BODIES);
      truncated = writeBodiesText(this.#out, record) ? [] : ['bodies'];
    }
    if (truncated.length > 0) this.#out.literal(constantBytes(`,"truncated":${JSON.stringify(truncated)}`));
  }

  /** `kubernetes.audit` */
  #writeAudit(record: EventRecord, anew: Buffer | undefined): void {
    this.eventStart = this.#out.at;
    if (this.keyUnderscores.length > 0) this.keyUnderscores.length = 0;
    this.restorable = anew === undefined && record.rawLine === undefined;
    if (anew === undefined) copyEvent(this.#out, record, this.keyUnderscores);
    else this.#out.literal(anew);
  }
}

/** The event where it cannot be copied as it stands. */
function eventAnew(record: EventRecord, form: DocumentForm, identity: IdentityBlock): Buffer | undefined {
  if (form !== 'whole') return constantBytes(safeEnvelope(record));
  return identity.safeExtras && hasSafeAnnotationKeys(record) ? undefined : withSafeObjects(record);
}

/** `,"degraded":[…]`: why the document is not quite the event as logged; nothing where it is. */
function notesOf(record: EventRecord, keysRenamed: boolean, note: string | undefined): string {
  if (record.degraded === '' && !keysRenamed && note === undefined) return '';
  const notes = [record.degraded, keysRenamed ? 'keys' : '', (note ?? '').slice(0, MAX_NOTE_LENGTH)];
  return `,"degraded":${JSON.stringify(notes.filter((one) => one !== ''))}`;
}

/** Bytes of the values that are copied beside the event, each as often as it is. */
function copiedBytes(fields: LineFields): number {
  return (
    maxBlockBytes(fields) +
    lengthOf(fields, SLOT.auditID) +
    lengthOf(fields, SLOT.verb) +
    lengthOf(fields, SLOT.objectRef) +
    lengthOf(fields, SLOT.decisionReason)
  );
}

function lengthOf(fields: LineFields, slot: Slot): number {
  const start = fields.starts[slot] ?? -1;
  return start < 0 ? 0 : (fields.ends[slot] ?? 0) - start;
}
