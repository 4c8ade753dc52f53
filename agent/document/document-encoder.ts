import { SLOT } from '../event/fields.ts';
import type { LineFields, Slot } from '../event/fields.ts';
import type { EventRecord } from '../event/record.ts';
import type { DocumentContext } from '../sink/definition.ts';
import { MAX_BODIES_BYTES, writeBodiesText } from './bodies-text.ts';
import { classify } from './classification.ts';
import { ConstantBlocks } from './constant-blocks.ts';
import { constantBytes } from './constant-bytes.ts';
import { MAX_IMAGE_BYTES, writeContainerImages } from './container-images.ts';
import { DocumentWriter } from './document-writer.ts';
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
 * `keyUnderscores` and `restorable` holds until the next one.
 */
export interface DocumentEncoder {
  /** Where the event stands in the target of the last write (its `{`). */
  readonly eventStart: number;
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

const TIMESTAMP = constantBytes('{"@timestamp":');
const START = constantBytes(',"start":');
const END = constantBytes(',"end":');
const DURATION = constantBytes(',"duration":');
const ACTION = constantBytes(',"action":');
const ID = constantBytes(',"id":');
const NAMESPACE = constantBytes(',"namespace":');
const RESOURCE = constantBytes(',"resource":');
const NAME = constantBytes(',"name":');
const TYPE = constantBytes(',"type":');
const K8S_AUDIT = constantBytes(',"k8s_audit":');
const BODIES = constantBytes(',"bodies":');
const AUDIT = constantBytes(',"kubernetes":{"audit":');
const AUDIT_END = constantBytes('}}');

const CLOSE_BRACE = 0x7d;

class Encoder implements DocumentEncoder {
  eventStart = 0;
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

  write(record: EventRecord, target: Buffer, at: number, form: DocumentForm, note?: string): number {
    const out = this.#out;
    out.begin(target, at);
    this.#blocks.useFile(record.file);
    this.#blocks.useTime(this.#nowMs());
    this.#times.read(record);
    this.#writeHead(record);
    this.#writeEvent(record);
    const identity = this.#identities.of(record);
    out.literal(identity.members);
    this.#writeOrchestrator(record);
    writeContainerImages(out, record);
    const anew = eventAnew(record, form, identity);
    const notes = notesOf(record, anew !== undefined && form === 'whole', note);
    this.#writeOwn(record, identity, form, notes);
    out.literal(AUDIT);
    this.#writeAudit(record, anew);
    out.literal(AUDIT_END);
    return out.at;
  }

  /** `@timestamp` and what is the same for all events of a file. */
  #writeHead(record: EventRecord): void {
    const out = this.#out;
    const { bytes, fields } = record;
    out.literal(TIMESTAMP);
    if (this.#times.stage) out.value(bytes, fields, SLOT.stageTimestamp);
    else if (this.#times.received) out.value(bytes, fields, SLOT.requestReceivedTimestamp);
    else out.copy(this.#blocks.event, this.#blocks.timeStart, this.#blocks.timeEnd);
    out.literal(this.#blocks.file);
    out.integer(record.offset);
  }

  /** `event` */
  #writeEvent(record: EventRecord): void {
    const out = this.#out;
    const { bytes, fields } = record;
    const { stage, received, durationNs } = this.#times;
    out.literal(this.#blocks.event);
    out.integer(record.offset);
    out.literal(classify(bytes, fields));
    out.string(ACTION, bytes, fields, SLOT.verb);
    out.string(ID, bytes, fields, SLOT.auditID);
    if (received) out.string(START, bytes, fields, SLOT.requestReceivedTimestamp);
    if (stage) out.string(END, bytes, fields, SLOT.stageTimestamp);
    if (durationNs >= 0) {
      out.literal(DURATION);
      out.integer(durationNs);
    }
    out.byte(CLOSE_BRACE);
  }

  /** `orchestrator` */
  #writeOrchestrator(record: EventRecord): void {
    const out = this.#out;
    const { bytes, fields } = record;
    out.literal(this.#blocks.orchestrator);
    if (fields.has(SLOT.objectRef)) {
      out.string(NAMESPACE, bytes, fields, SLOT.objectNamespace);
      const opened = out.open(RESOURCE);
      out.string(NAME, bytes, fields, SLOT.objectName);
      out.string(TYPE, bytes, fields, SLOT.objectResource);
      out.closeObject(opened, RESOURCE);
    }
    out.byte(CLOSE_BRACE);
  }

  /** `k8s_audit`: what no other schema has a place for. */
  #writeOwn(record: EventRecord, identity: IdentityBlock, form: DocumentForm, notes: string): void {
    const out = this.#out;
    const opened = out.open(K8S_AUDIT);
    out.literal(identity.peer);
    out.literal(this.#rbac.of(record));
    if (notes !== '') out.literal(constantBytes(notes));
    if (form !== 'whole') this.#writeReduced(record, form);
    out.closeObject(opened, K8S_AUDIT);
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
