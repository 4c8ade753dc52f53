/** The ECS copies of an event's values. Whatever the event does not have, or has empty, is left out. */
import { SLOT } from '../event/fields.ts';
import type { Slot } from '../event/fields.ts';
import type { EventRecord } from '../event/record.ts';
import { constantBytes } from './constant-bytes.ts';
import type { DocumentWriter } from './document-writer.ts';
import type { SourceAddresses } from './source-addresses.ts';

const NAME = constantBytes(',"name":');
const ID = constantBytes(',"id":');
const GROUP = constantBytes(',"group":');
const USER = constantBytes(',"user":');
const EFFECTIVE = constantBytes(',"effective":');
const USER_AGENT = constantBytes(',"user_agent":');
const ORIGINAL = constantBytes(',"original":');
const RELATED = constantBytes(',"related":');
const IP = constantBytes(',"ip":');
const COMMA = constantBytes(',');

/** Whose names and ids go to `related.user`. */
const RELATED_USERS: readonly Slot[] = [
  SLOT.userUsername,
  SLOT.userUid,
  SLOT.impersonatedUsername,
  SLOT.impersonatedUid,
];

/** `user.{name, id, group.name}` and, for who was impersonated, the same under `user.effective`. */
export function writeUser(out: DocumentWriter, record: EventRecord): void {
  const { bytes, fields } = record;
  const opened = out.open(USER);
  out.string(NAME, bytes, fields, SLOT.userUsername);
  out.string(ID, bytes, fields, SLOT.userUid);
  writeGroups(out, record, SLOT.userGroups);
  if (fields.has(SLOT.impersonatedUser)) {
    const effective = out.open(EFFECTIVE);
    out.string(NAME, bytes, fields, SLOT.impersonatedUsername);
    out.string(ID, bytes, fields, SLOT.impersonatedUid);
    writeGroups(out, record, SLOT.impersonatedGroups);
    out.closeObject(effective, EFFECTIVE);
  }
  out.closeObject(opened, USER);
}

function writeGroups(out: DocumentWriter, record: EventRecord, slot: Slot): void {
  const opened = out.open(GROUP);
  out.array(NAME, record.bytes, record.fields, slot);
  out.closeObject(opened, GROUP);
}

/** `user_agent.original` */
export function writeUserAgent(out: DocumentWriter, record: EventRecord): void {
  const opened = out.open(USER_AGENT);
  out.string(ORIGINAL, record.bytes, record.fields, SLOT.userAgent);
  out.closeObject(opened, USER_AGENT);
}

/** `related.{ip, user}`; `addresses` must have written those of the same record. */
export function writeRelated(out: DocumentWriter, record: EventRecord, addresses: SourceAddresses): void {
  const opened = out.open(RELATED);
  addresses.writeList(out, IP);
  const users = out.open(USER);
  for (const slot of RELATED_USERS) out.string(COMMA, record.bytes, record.fields, slot);
  out.closeArray(users, USER);
  out.closeObject(opened, RELATED);
}
