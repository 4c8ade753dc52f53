import { SLOT } from '../event/fields.ts';
import type { Slot } from '../event/fields.ts';
import type { EventRecord } from '../event/record.ts';
import { withSafeKeys } from './safe-keys.ts';

/** Nesting that is kept where the API server writes small objects of its own (`responseStatus.details`). */
const MAX_DEPTH = 8;

/**
 * The event anew as JSON, without bodies, with nothing in it that a server could refuse: known members only, of the type they are mapped
 * with, under keys that pass.
 */
export function safeEnvelope(record: EventRecord): string {
  const value = (slot: Slot): unknown => valueOf(record, slot);
  return JSON.stringify({
    kind: value(SLOT.kind),
    apiVersion: value(SLOT.apiVersion),
    level: value(SLOT.level),
    auditID: value(SLOT.auditID),
    stage: value(SLOT.stage),
    requestURI: value(SLOT.requestURI),
    verb: value(SLOT.verb),
    user: userOf(record, [SLOT.user, SLOT.userUsername, SLOT.userUid, SLOT.userGroups, SLOT.userExtra]),
    impersonatedUser: userOf(record, [
      SLOT.impersonatedUser,
      SLOT.impersonatedUsername,
      SLOT.impersonatedUid,
      SLOT.impersonatedGroups,
      SLOT.impersonatedExtra,
    ]),
    authenticationMetadata: stringsIn(value(SLOT.authenticationMetadata)),
    sourceIPs: value(SLOT.sourceIPs),
    userAgent: value(SLOT.userAgent),
    objectRef: stringsIn(value(SLOT.objectRef)),
    responseStatus: statusOf(record),
    requestReceivedTimestamp: value(SLOT.requestReceivedTimestamp),
    stageTimestamp: value(SLOT.stageTimestamp),
    annotations: record.fields.has(SLOT.annotations) ? safeAnnotations(record) : undefined,
  });
}

/** Annotations under keys without dots, each key once. */
export function safeAnnotations(record: EventRecord): Record<string, unknown> {
  const entries = entriesOf(valueOf(record, SLOT.annotations));
  return Object.fromEntries(
    withSafeKeys(entries.map(([key, value]) => [key.replaceAll('.', '_'), value] as const)),
  );
}

/** `user.extra`, or that of the impersonated user: arrays of strings under keys that pass. */
export function safeExtra(record: EventRecord, slot: Slot): Record<string, unknown> {
  const entries = entriesOf(valueOf(record, slot)).map(([key, value]) => [key, stringList(value)] as const);
  return Object.fromEntries(withSafeKeys(entries));
}

function userOf(
  record: EventRecord,
  [user, username, uid, groups, extra]: readonly [Slot, Slot, Slot, Slot, Slot],
): unknown {
  if (!record.fields.has(user)) return undefined;
  return {
    username: valueOf(record, username),
    uid: valueOf(record, uid),
    groups: valueOf(record, groups),
    extra: record.fields.has(extra) ? safeExtra(record, extra) : undefined,
  };
}

function statusOf(record: EventRecord): unknown {
  if (!record.fields.has(SLOT.responseStatus)) return undefined;
  const rest = new Map(entriesOf(valueOf(record, SLOT.responseStatus)));
  return {
    metadata: plainValue(rest.get('metadata'), MAX_DEPTH),
    status: valueOf(record, SLOT.statusStatus),
    message: valueOf(record, SLOT.statusMessage),
    reason: valueOf(record, SLOT.statusReason),
    details: plainValue(rest.get('details'), MAX_DEPTH),
    code: valueOf(record, SLOT.statusCode),
  };
}

function valueOf(record: EventRecord, slot: Slot): unknown {
  const start = record.fields.starts[slot] ?? -1;
  if (start < 0) return undefined;
  return JSON.parse(record.bytes.toString('utf8', start, record.fields.ends[slot]));
}

/** The value with its objects' keys made safe; what is nested too deep is left out. */
function plainValue(value: unknown, depth: number): unknown {
  if (typeof value !== 'object' || value === null) return value;
  if (depth === 0) return undefined;
  if (Array.isArray(value)) return value.map((element: unknown) => plainValue(element, depth - 1));
  const entries = entriesOf(value).map(([key, member]) => [key, plainValue(member, depth - 1)] as const);
  return Object.fromEntries(withSafeKeys(entries));
}

/** The members that are strings. */
function stringsIn(value: unknown): unknown {
  if (value === undefined) return undefined;
  return Object.fromEntries(
    withSafeKeys(entriesOf(value).filter(([, member]) => typeof member === 'string')),
  );
}

function stringList(value: unknown): string[] {
  const list: unknown[] = Array.isArray(value) ? value : [value];
  return list.filter((element) => typeof element === 'string');
}

function entriesOf(value: unknown): [string, unknown][] {
  return typeof value === 'object' && value !== null ? Object.entries(value) : [];
}
