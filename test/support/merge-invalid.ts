import { INVALID_MEMBER } from '../../agent/event/decode.ts';

/** A decoded event with everything below `invalid` back where it stood, so that it can be held against the line it was made of. */
export function mergeInvalid(event: unknown): unknown {
  if (!isObject(event)) return event;
  const merged = new Map(Object.entries(event));
  const invalid = merged.get(INVALID_MEMBER);
  merged.delete(INVALID_MEMBER);
  if (isObject(invalid))
    for (const [name, value] of Object.entries(invalid))
      merged.set(name, mergeMember(merged.get(name), value));
  return Object.fromEntries(merged);
}

function mergeMember(kept: unknown, moved: unknown): unknown {
  if (!isObject(kept) || !isObject(moved)) return moved;
  return Object.fromEntries([...Object.entries(kept), ...Object.entries(moved)]);
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
