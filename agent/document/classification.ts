import { SLOT } from '../event/fields.ts';
import type { LineFields, Slot } from '../event/fields.ts';
import { constantBytes } from './constant-bytes.ts';

/** ECS `event.type` of a verb; the order is that of the table. */
const TYPES = ['info', 'access', 'creation', 'change', 'deletion'] as const;
const INFO = 0;
const ACCESS = 1;
const CREATION = 2;
const CHANGE = 3;
const DELETION = 4;

/** ECS `event.type` of the authorizer's decision. */
const DECISIONS = ['', 'allowed', 'denied'] as const;
const UNDECIDED = 0;
const ALLOWED = 1;
const DENIED = 2;

const OUTCOMES = ['unknown', 'success', 'failure'] as const;
const UNKNOWN = 0;
const SUCCESS = 1;
const FAILURE = 2;

/** Everything that can come out, as the members of `event`; it is looked up by number, so that no line makes text. */
const TABLE = buildTable();

const GET = quoted('get');
const LIST = quoted('list');
const WATCH = quoted('watch');
const PATCH = quoted('patch');
const CREATE = quoted('create');
const UPDATE = quoted('update');
const DELETE = quoted('delete');
const DELETE_COLLECTION = quoted('deletecollection');

const ALLOW = quoted('allow');
const FORBID = quoted('forbid');
const PANIC = quoted('Panic');

const RBAC_GROUP = quoted('rbac.authorization.k8s.io');
const RBAC_RESOURCES = ['roles', 'clusterroles', 'rolebindings', 'clusterrolebindings'].map(quoted);
const CERTIFICATES_GROUP = quoted('certificates.k8s.io');
const SIGNING_REQUESTS = quoted('certificatesigningrequests');
const SERVICE_ACCOUNTS = quoted('serviceaccounts');
const TOKEN = quoted('token');

/**
 * `,"category":[…],"type":[…],"outcome":"…"` of an event. A write to a resource is `configuration` beside `api`; roles, bindings,
 * signing requests and service account tokens are `iam`.
 */
export function classify(bytes: Buffer, fields: LineFields): Buffer {
  const type = typeOf(bytes, fields);
  const decision = decisionOf(bytes, fields);
  const configuration = type >= CREATION && fields.has(SLOT.objectRef) ? 1 : 0;
  const iam = isIam(bytes, fields) ? 1 : 0;
  const index =
    (((type * 3 + decision) * 2 + configuration) * 2 + iam) * 3 + outcomeOf(bytes, fields, decision);
  return TABLE[index] ?? NOTHING;
}

const NOTHING = constantBytes('');

function typeOf(bytes: Buffer, fields: LineFields): number {
  const start = fields.starts[SLOT.verb] ?? -1;
  if (start < 0) return INFO;
  switch ((fields.ends[SLOT.verb] ?? 0) - start) {
    case GET.length:
      return stands(bytes, start, GET) ? ACCESS : INFO;
    case LIST.length:
      return stands(bytes, start, LIST) ? ACCESS : INFO;
    case WATCH.length:
      if (stands(bytes, start, WATCH)) return ACCESS;
      return stands(bytes, start, PATCH) ? CHANGE : INFO;
    case CREATE.length:
      if (stands(bytes, start, UPDATE)) return CHANGE;
      if (stands(bytes, start, CREATE)) return CREATION;
      return stands(bytes, start, DELETE) ? DELETION : INFO;
    case DELETE_COLLECTION.length:
      return stands(bytes, start, DELETE_COLLECTION) ? DELETION : INFO;
    default:
      return INFO;
  }
}

function decisionOf(bytes: Buffer, fields: LineFields): number {
  if (is(bytes, fields, SLOT.decision, ALLOW)) return ALLOWED;
  return is(bytes, fields, SLOT.decision, FORBID) ? DENIED : UNDECIDED;
}

/** What the API server answered decides; only without an answer does the authorizer's decision count. */
function outcomeOf(bytes: Buffer, fields: LineFields, decision: number): number {
  const code = codeOf(bytes, fields);
  if (code > 0) return code < 400 ? SUCCESS : FAILURE;
  if (is(bytes, fields, SLOT.stage, PANIC)) return FAILURE;
  if (decision === ALLOWED) return SUCCESS;
  return decision === DENIED ? FAILURE : UNKNOWN;
}

/** The HTTP status; 0 where there is none. */
function codeOf(bytes: Buffer, fields: LineFields): number {
  const start = fields.starts[SLOT.statusCode] ?? -1;
  if (start < 0) return 0;
  const end = fields.ends[SLOT.statusCode] ?? 0;
  let code = 0;
  for (let at = start; at < end; at += 1) {
    const digit = (bytes[at] ?? 0) - 0x30;
    if (digit < 0 || digit > 9) return 0;
    code = code * 10 + digit;
  }
  return code;
}

function isIam(bytes: Buffer, fields: LineFields): boolean {
  const start = fields.starts[SLOT.objectResource] ?? -1;
  if (start < 0) return false;
  switch ((fields.ends[SLOT.objectResource] ?? 0) - start) {
    case SERVICE_ACCOUNTS.length:
      return stands(bytes, start, SERVICE_ACCOUNTS) && is(bytes, fields, SLOT.objectSubresource, TOKEN);
    case SIGNING_REQUESTS.length:
      return (
        stands(bytes, start, SIGNING_REQUESTS) && is(bytes, fields, SLOT.objectApiGroup, CERTIFICATES_GROUP)
      );
    default:
      return is(bytes, fields, SLOT.objectApiGroup, RBAC_GROUP) && isRbacResource(bytes, fields);
  }
}

function isRbacResource(bytes: Buffer, fields: LineFields): boolean {
  for (const resource of RBAC_RESOURCES) if (is(bytes, fields, SLOT.objectResource, resource)) return true;
  return false;
}

function is(bytes: Buffer, fields: LineFields, slot: Slot, expected: Buffer): boolean {
  const start = fields.starts[slot] ?? -1;
  return start >= 0 && (fields.ends[slot] ?? 0) - start === expected.length && stands(bytes, start, expected);
}

function stands(bytes: Buffer, start: number, expected: Buffer): boolean {
  // From the back, before the quote: the words differ there as soon as anywhere, and all begin alike.
  for (let at = expected.length - 2; at >= 0; at -= 1) if (bytes[start + at] !== expected[at]) return false;
  return true;
}

function quoted(text: string): Buffer {
  return constantBytes(JSON.stringify(text));
}

function buildTable(): readonly Buffer[] {
  const table: Buffer[] = [];
  for (const type of TYPES)
    for (const decision of DECISIONS)
      for (const configuration of [[], ['configuration']])
        for (const iam of [[], ['iam']])
          for (const outcome of OUTCOMES) {
            const category = JSON.stringify(['api', ...configuration, ...iam]);
            const types = JSON.stringify(decision === '' ? [type] : [type, decision]);
            table.push(constantBytes(`,"category":${category},"type":${types},"outcome":"${outcome}"`));
          }
  return table;
}
