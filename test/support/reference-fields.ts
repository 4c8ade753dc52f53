import { MAX_ANNOTATIONS, SLOT } from '../../agent/event/fields.ts';
import type { LineFields, Slot } from '../../agent/event/fields.ts';

/** What each slot holds, by the way to its value from the event. */
const PATHS = {
  [SLOT.kind]: 'kind',
  [SLOT.apiVersion]: 'apiVersion',
  [SLOT.level]: 'level',
  [SLOT.auditID]: 'auditID',
  [SLOT.stage]: 'stage',
  [SLOT.requestURI]: 'requestURI',
  [SLOT.verb]: 'verb',
  [SLOT.user]: 'user',
  [SLOT.impersonatedUser]: 'impersonatedUser',
  [SLOT.authenticationMetadata]: 'authenticationMetadata',
  [SLOT.sourceIPs]: 'sourceIPs',
  [SLOT.userAgent]: 'userAgent',
  [SLOT.objectRef]: 'objectRef',
  [SLOT.responseStatus]: 'responseStatus',
  [SLOT.requestObject]: 'requestObject',
  [SLOT.responseObject]: 'responseObject',
  [SLOT.requestReceivedTimestamp]: 'requestReceivedTimestamp',
  [SLOT.stageTimestamp]: 'stageTimestamp',
  [SLOT.annotations]: 'annotations',
  [SLOT.userUsername]: 'user username',
  [SLOT.userUid]: 'user uid',
  [SLOT.userGroups]: 'user groups',
  [SLOT.userExtra]: 'user extra',
  [SLOT.impersonatedUsername]: 'impersonatedUser username',
  [SLOT.impersonatedUid]: 'impersonatedUser uid',
  [SLOT.impersonatedGroups]: 'impersonatedUser groups',
  [SLOT.impersonatedExtra]: 'impersonatedUser extra',
  [SLOT.objectResource]: 'objectRef resource',
  [SLOT.objectNamespace]: 'objectRef namespace',
  [SLOT.objectName]: 'objectRef name',
  [SLOT.objectUid]: 'objectRef uid',
  [SLOT.objectApiGroup]: 'objectRef apiGroup',
  [SLOT.objectApiVersion]: 'objectRef apiVersion',
  [SLOT.objectResourceVersion]: 'objectRef resourceVersion',
  [SLOT.objectSubresource]: 'objectRef subresource',
  [SLOT.statusCode]: 'responseStatus code',
  [SLOT.statusStatus]: 'responseStatus status',
  [SLOT.statusMessage]: 'responseStatus message',
  [SLOT.statusReason]: 'responseStatus reason',
  [SLOT.decision]: 'annotations authorization.k8s.io/decision',
  [SLOT.decisionReason]: 'annotations authorization.k8s.io/reason',
} as const satisfies Record<Slot, string>;

const SLOTS = Object.values(SLOT);

/** Without a prototype: `__proto__` is a key like any other. */
function emptyFields(): Record<string, unknown> {
  return Object.create(null) as Record<string, unknown>;
}

/** A value in an object that `JSON.parse` made; undefined where it is absent or `null`, which counts as absent. */
function memberOf(value: unknown, name: string): unknown {
  if (typeof value !== 'object' || value === null || !Object.hasOwn(value, name)) return undefined;
  return (value as Record<string, unknown>)[name] ?? undefined;
}

/** Every slot and annotation of an event as `JSON.parse` sees them. */
export function referenceFields(event: unknown): Record<string, unknown> {
  const fields = emptyFields();
  for (const slot of SLOTS) {
    const value = PATHS[slot].split(' ').reduce(memberOf, event);
    if (value !== undefined) fields[PATHS[slot]] = value;
  }
  return fields;
}

/** The same, as a scan found them: each value's own bytes parsed. */
export function scannedFields(bytes: Buffer, fields: LineFields): Record<string, unknown> {
  const found = emptyFields();
  for (const slot of SLOTS)
    if (fields.has(slot)) found[PATHS[slot]] = parseSpan(bytes, fields.starts[slot], fields.ends[slot]);
  return found;
}

/** The annotations as a scan found them; a key met twice is an error. */
export function scannedAnnotations(bytes: Buffer, fields: LineFields): Record<string, unknown> {
  const found = emptyFields();
  if (fields.annotationCount > MAX_ANNOTATIONS) throw new Error('too many annotations');
  for (let i = 0; i < fields.annotationCount; i += 1) {
    const key = bytes.toString('utf8', fields.keyStarts[i], fields.keyEnds[i]);
    if (Object.hasOwn(found, key)) throw new Error(`annotation ${key} twice`);
    found[key] = parseSpan(bytes, fields.valueStarts[i], fields.valueEnds[i]);
  }
  return found;
}

function parseSpan(bytes: Buffer, start: number | undefined, end: number | undefined): unknown {
  return JSON.parse(bytes.toString('utf8', start, end));
}

/** What is wrong with the types of an event's slots, if anything is: documents rely on them. */
export function typeProblem(fields: Record<string, unknown>): string | undefined {
  for (const [path, value] of Object.entries(fields)) if (!hasItsType(path, value)) return path;
  return undefined;
}

const ANY = new Set(['requestObject', 'responseObject']);
const LISTS = new Set(['sourceIPs', 'user groups', 'impersonatedUser groups']);
const OBJECTS = new Set([
  'user',
  'impersonatedUser',
  'authenticationMetadata',
  'objectRef',
  'responseStatus',
  'annotations',
  'user extra',
  'impersonatedUser extra',
]);

function hasItsType(path: string, value: unknown): boolean {
  if (ANY.has(path)) return true;
  if (LISTS.has(path)) return Array.isArray(value) && value.every((one) => typeof one === 'string');
  if (OBJECTS.has(path)) return typeof value === 'object' && !Array.isArray(value);
  if (path === 'responseStatus code') return Number.isInteger(value);
  return typeof value === 'string';
}
