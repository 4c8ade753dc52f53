import { SLOT } from './fields.ts';
import type { Slot } from './fields.ts';

/** The objects that are read, the event itself first. */
export const OBJECT_NAMES = ['event', 'user', 'impersonatedUser', 'objectRef', 'responseStatus'] as const;

export type ObjectName = (typeof OBJECT_NAMES)[number];

export type ValueType =
  | 'kind'
  | 'apiVersion'
  | 'string'
  /** An array of strings. */
  | 'strings'
  /** A whole number of at most nine digits. */
  | 'code'
  /** An object whose inside is not looked at. */
  | 'object'
  | 'any'
  /** An object of strings. */
  | 'annotations'
  | Exclude<ObjectName, 'event'>;

export interface Member {
  readonly name: string;
  readonly type: ValueType;
  /** Absent where the member is known but nobody asks for it. */
  readonly slot?: Slot;
}

export const KIND = 'Event';
export const API_VERSION = 'audit.k8s.io/v1';

/** Members of one object that are none of these; the API server writes none or a few, and more of them make a line unusual. */
export const MAX_UNKNOWN_MEMBERS = 16;

/**
 * What is read of an audit event: for each object its members in the order in which the API server writes them, with the type that
 * documents rely on. `null` may stand for any of them but `kind` and `apiVersion`, and counts as absent.
 */
export const SHAPE: Readonly<Record<ObjectName, readonly Member[]>> = {
  event: [
    { name: 'kind', type: 'kind', slot: SLOT.kind },
    { name: 'apiVersion', type: 'apiVersion', slot: SLOT.apiVersion },
    { name: 'level', type: 'string', slot: SLOT.level },
    { name: 'auditID', type: 'string', slot: SLOT.auditID },
    { name: 'stage', type: 'string', slot: SLOT.stage },
    { name: 'requestURI', type: 'string', slot: SLOT.requestURI },
    { name: 'verb', type: 'string', slot: SLOT.verb },
    { name: 'user', type: 'user', slot: SLOT.user },
    { name: 'impersonatedUser', type: 'impersonatedUser', slot: SLOT.impersonatedUser },
    { name: 'authenticationMetadata', type: 'object', slot: SLOT.authenticationMetadata },
    { name: 'sourceIPs', type: 'strings', slot: SLOT.sourceIPs },
    { name: 'userAgent', type: 'string', slot: SLOT.userAgent },
    { name: 'objectRef', type: 'objectRef', slot: SLOT.objectRef },
    { name: 'responseStatus', type: 'responseStatus', slot: SLOT.responseStatus },
    { name: 'requestObject', type: 'any', slot: SLOT.requestObject },
    { name: 'responseObject', type: 'any', slot: SLOT.responseObject },
    { name: 'requestReceivedTimestamp', type: 'string', slot: SLOT.requestReceivedTimestamp },
    { name: 'stageTimestamp', type: 'string', slot: SLOT.stageTimestamp },
    { name: 'annotations', type: 'annotations', slot: SLOT.annotations },
  ],
  user: [
    { name: 'username', type: 'string', slot: SLOT.userUsername },
    { name: 'uid', type: 'string', slot: SLOT.userUid },
    { name: 'groups', type: 'strings', slot: SLOT.userGroups },
    { name: 'extra', type: 'object', slot: SLOT.userExtra },
  ],
  impersonatedUser: [
    { name: 'username', type: 'string', slot: SLOT.impersonatedUsername },
    { name: 'uid', type: 'string', slot: SLOT.impersonatedUid },
    { name: 'groups', type: 'strings', slot: SLOT.impersonatedGroups },
    { name: 'extra', type: 'object', slot: SLOT.impersonatedExtra },
  ],
  objectRef: [
    { name: 'resource', type: 'string', slot: SLOT.objectResource },
    { name: 'namespace', type: 'string', slot: SLOT.objectNamespace },
    { name: 'name', type: 'string', slot: SLOT.objectName },
    { name: 'uid', type: 'string', slot: SLOT.objectUid },
    { name: 'apiGroup', type: 'string', slot: SLOT.objectApiGroup },
    { name: 'apiVersion', type: 'string', slot: SLOT.objectApiVersion },
    { name: 'resourceVersion', type: 'string', slot: SLOT.objectResourceVersion },
    { name: 'subresource', type: 'string', slot: SLOT.objectSubresource },
  ],
  responseStatus: [
    { name: 'metadata', type: 'any' },
    { name: 'status', type: 'string', slot: SLOT.statusStatus },
    { name: 'message', type: 'string', slot: SLOT.statusMessage },
    { name: 'reason', type: 'string', slot: SLOT.statusReason },
    { name: 'details', type: 'any' },
    { name: 'code', type: 'code', slot: SLOT.statusCode },
  ],
};

/** The annotations that have slots of their own. */
export const DECISION_ANNOTATION = 'authorization.k8s.io/decision';
export const REASON_ANNOTATION = 'authorization.k8s.io/reason';

/** True where the bytes of a JSON number are a `code`. */
export function isCode(text: string): boolean {
  return /^-?\d{1,9}$/.test(text);
}
