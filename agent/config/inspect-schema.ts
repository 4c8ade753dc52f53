/** Looks into a schema without running it: which keys an object knows, which texts are secret. */
import * as z from 'zod';
import { isObject } from '../is-object.ts';
import { SECRET_MARK } from './blocks.ts';
import type { SettingPath } from './path-text.ts';

type Schema = z.core.$ZodType;

/** What wraps a schema (optional, default, transform), peeled off from the outside in; the last one is the core. */
function layers(schema: Schema): Schema[] {
  const found: Schema[] = [schema];
  for (let inner = innerOf(schema); inner !== undefined; inner = innerOf(inner)) found.push(inner);
  return found;
}

function innerOf(schema: Schema): Schema | undefined {
  // Every schema that zod makes is one of $ZodTypes; the base type hides which.
  const { def } = (schema as z.core.$ZodTypes)._zod;
  if (def.type === 'pipe') return def.in;
  return 'innerType' in def ? def.innerType : undefined;
}

function coreOf(schema: Schema): z.core.$ZodTypes {
  return (layers(schema).at(-1) ?? schema) as z.core.$ZodTypes;
}

/** The members of a union that may be meant by `value`: the one that its discriminator names, else all. */
function alternatives(schema: Schema, value: unknown): Schema[] {
  const core = coreOf(schema);
  if (core._zod.def.type !== 'union') return [schema];
  const { def } = core._zod;
  const options = def.options as readonly Schema[];
  const chosen =
    'discriminator' in def && typeof def.discriminator === 'string' && isObject(value)
      ? options.filter((option) => namesType(option, String(def.discriminator), value))
      : [];
  return (chosen.length > 0 ? chosen : options).flatMap((option) => alternatives(option, value));
}

function namesType(option: Schema, discriminator: string, value: Readonly<Record<string, unknown>>): boolean {
  const member = shapeOf(option)?.[discriminator];
  if (member === undefined) return false;
  const core = coreOf(member);
  return (
    core._zod.def.type === 'literal' && (core._zod.def.values as unknown[]).includes(value[discriminator])
  );
}

function shapeOf(schema: Schema): Readonly<Record<string, Schema>> | undefined {
  const core = coreOf(schema);
  return core._zod.def.type === 'object' ? core._zod.def.shape : undefined;
}

function childrenOf(schema: Schema, step: string | number): Schema[] {
  const core = coreOf(schema);
  const { def } = core._zod;
  if (def.type === 'object') return Object.hasOwn(def.shape, step) ? [def.shape[step] as Schema] : [];
  if (def.type === 'array') return [def.element];
  if (def.type === 'record') return [def.valueType];
  return [];
}

export function memberOf(value: unknown, step: string | number): unknown {
  if (Array.isArray(value)) return typeof step === 'number' ? (value as unknown[])[step] : undefined;
  return isObject(value) && Object.hasOwn(value, step) ? value[step] : undefined;
}

/** The value at a path; undefined where there is none. */
export function valueAt(root: unknown, path: SettingPath): unknown {
  return path.reduce<unknown>(memberOf, root);
}

/** The schemas that may apply to the value at a path. */
function schemasAt(root: Schema, value: unknown, path: SettingPath): Schema[] {
  let schemas = alternatives(root, value);
  let current = value;
  for (const step of path) {
    current = memberOf(current, step);
    schemas = schemas
      .flatMap((schema) => childrenOf(schema, step))
      .flatMap((child) => alternatives(child, current));
  }
  return schemas;
}

/** Whether the setting at a path, or one that it is part of, is marked as secret. */
export function isSecretAt(root: Schema, value: unknown, path: SettingPath): boolean {
  return path.some((step, index) => {
    const parent = path.slice(0, index);
    const own = schemasAt(root, value, parent).flatMap((schema) => childrenOf(schema, step));
    const members = own.flatMap((schema) => alternatives(schema, valueAt(value, [...parent, step])));
    return [...own, ...members].some((schema) => layers(schema).some(isMarked));
  });
}

function isMarked(schema: Schema): boolean {
  return z.globalRegistry.get(schema)?.['secret'] === SECRET_MARK.secret;
}

/** The keys that the object at a path may have. */
export function knownKeysAt(root: Schema, value: unknown, path: SettingPath): string[] {
  return schemasAt(root, value, path).flatMap((schema) => Object.keys(shapeOf(schema) ?? {}));
}
