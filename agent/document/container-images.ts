import { SLOT } from '../event/fields.ts';
import type { EventRecord } from '../event/record.ts';
import { elementsOf, membersOf } from '../event/json-text.ts';
import type { Span } from '../event/json-text.ts';
import { constantBytes } from './constant-bytes.ts';
import type { DocumentWriter } from './document-writer.ts';

const QUOTE = 0x22;
const COMMA = 0x2c;
const OPEN_BRACKET = 0x5b;
const OPEN_BRACE = 0x7b;

const CONTAINERS = constantBytes('containers');
const CONTAINER = constantBytes(',"container":{"image":{"name":');
const END = constantBytes('}}');

/** What of a request's images is copied; the whole list stands in the event itself. */
export const MAX_IMAGE_BYTES = 16 * 1024;

/** Writes `container.image.name`: the images of `requestObject.spec.containers`. The body is stepped over, not parsed. */
export function writeContainerImages(out: DocumentWriter, record: EventRecord): void {
  const start = record.fields.starts[SLOT.requestObject] ?? -1;
  if (start < 0) return;
  const body = record.bytes.subarray(start, record.fields.ends[SLOT.requestObject]);
  if (!body.includes(CONTAINERS)) return;
  const containers = memberOf(body, memberOf(body, { start: 0, end: body.length }, 'spec'), 'containers');
  if (containers === undefined || body[containers.start] !== OPEN_BRACKET) return;
  const opened = out.open(CONTAINER);
  for (const container of elementsOf(body, containers.start)) {
    const image = memberOf(body, container, 'image');
    if (image === undefined || body[image.start] !== QUOTE || image.end - image.start < 3) continue;
    if (out.at - opened + image.end - image.start >= MAX_IMAGE_BYTES) break;
    out.byte(COMMA);
    out.copy(body, image.start, image.end);
  }
  const empty = out.at === opened;
  out.closeArray(opened, CONTAINER);
  if (!empty) out.literal(END);
}

function memberOf(body: Buffer, object: Span | undefined, name: string): Span | undefined {
  if (object === undefined || body[object.start] !== OPEN_BRACE) return undefined;
  return membersOf(body, object.start).get(name);
}
