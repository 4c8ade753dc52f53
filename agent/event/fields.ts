/**
 * Where the values of one audit event stand in the bytes of its line.
 *
 * Slots are plain constants because the scan writes them once per line: no object, key string or closure per line.
 */
export const SLOT = {
  kind: 0,
  apiVersion: 1,
  level: 2,
  auditID: 3,
  stage: 4,
  requestURI: 5,
  verb: 6,
  user: 7,
  impersonatedUser: 8,
  authenticationMetadata: 9,
  sourceIPs: 10,
  userAgent: 11,
  objectRef: 12,
  responseStatus: 13,
  requestObject: 14,
  responseObject: 15,
  requestReceivedTimestamp: 16,
  stageTimestamp: 17,
  annotations: 18,
  userUsername: 19,
  userUid: 20,
  userGroups: 21,
  userExtra: 22,
  impersonatedUsername: 23,
  impersonatedUid: 24,
  impersonatedGroups: 25,
  impersonatedExtra: 26,
  objectResource: 27,
  objectNamespace: 28,
  objectName: 29,
  objectUid: 30,
  objectApiGroup: 31,
  objectApiVersion: 32,
  objectResourceVersion: 33,
  objectSubresource: 34,
  statusCode: 35,
  statusStatus: 36,
  statusMessage: 37,
  statusReason: 38,
  decision: 39,
  decisionReason: 40,
} as const;

export type Slot = (typeof SLOT)[keyof typeof SLOT];

const SLOT_COUNT = 41;

/** Annotations beyond this number make a line unusual; the API server writes a handful. */
export const MAX_ANNOTATIONS = 64;

/**
 * The result of a scan, reused for each line. A value is `bytes[starts[slot]..ends[slot])` as it stands in the line, quotes and
 * escapes included; `starts[slot]` is -1 where the event has no such value.
 */
export class LineFields {
  readonly starts = new Int32Array(SLOT_COUNT);
  readonly ends = new Int32Array(SLOT_COUNT);
  annotationCount = 0;
  /** Annotation keys, between their quotes. */
  readonly keyStarts = new Int32Array(MAX_ANNOTATIONS);
  readonly keyEnds = new Int32Array(MAX_ANNOTATIONS);
  /** Annotation values, as they stand. */
  readonly valueStarts = new Int32Array(MAX_ANNOTATIONS);
  readonly valueEnds = new Int32Array(MAX_ANNOTATIONS);

  clear(): void {
    this.starts.fill(-1);
    this.annotationCount = 0;
  }

  has(slot: Slot): boolean {
    return (this.starts[slot] ?? -1) >= 0;
  }
}
