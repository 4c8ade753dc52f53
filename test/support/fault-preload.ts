/**
 * Loaded by Node before the agent (`--import`): counts what the process does to files below FAULT_DIRECTORY and kills it with SIGKILL
 * at one of these operations, before it is done or, where bytes are written, when half of them are. FAULT_AT says which: `position
 * rename 2` is the second rename below `position/`. What happened last is written to FAULT_REPORT.
 */
import fs, { writeFileSync, writeSync } from 'node:fs';
import promises from 'node:fs/promises';
import type { FileHandle } from 'node:fs/promises';
import { syncBuiltinESMExports } from 'node:module';
import { relative, sep } from 'node:path';

const directory = process.env['FAULT_DIRECTORY'] ?? '';
const faultAt = process.env['FAULT_AT'] ?? '';
const report = process.env['FAULT_REPORT'] ?? '';

const counts = new Map<string, number>();
const paths = new WeakMap<object, string>();

type Operation = (...args: unknown[]) => unknown;

/** The folder below the directory that a path lies in; undefined outside. */
function placeOf(path: unknown): string | undefined {
  if (typeof path !== 'string') return undefined;
  const below = relative(directory, path);
  if (below.startsWith('..')) return undefined;
  const [folder = '', ...rest] = below.split(sep);
  return folder === 'position' || folder === 'dead-letter' ? folder : rest.length > 0 ? 'elsewhere' : 'state';
}

/** Counts an operation; never returns if it is the one. */
function count(path: unknown, operation: string, half?: () => void): void {
  const place = placeOf(path);
  if (place === undefined) return;
  const name = `${place} ${operation}`;
  const times = (counts.get(name) ?? 0) + 1;
  counts.set(name, times);
  if (`${name} ${times}` !== faultAt) return;
  half?.();
  writeFileSync(report, faultAt);
  process.kill(process.pid, 'SIGKILL');
  // The signal may take a moment, in which nothing more may be done.
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
}

function writeHalf(handle: FileHandle, content: unknown): void {
  const bytes = typeof content === 'string' ? Buffer.from(content) : content;
  if (bytes instanceof Uint8Array) writeSync(handle.fd, bytes, 0, bytes.length >> 1);
}

function patch(
  target: object,
  names: readonly string[],
  before: (self: unknown, args: unknown[], name: string) => void,
): void {
  for (const name of names) {
    const original = Reflect.get(target, name) as Operation;
    Reflect.set(target, name, function patched(this: unknown, ...args: unknown[]): unknown {
      before(this, args, name);
      return Reflect.apply(original, this, args);
    });
  }
}

const SYNCS = new Set(['sync', 'datasync']);
const WRITES = new Set(['write', 'writeFile', 'appendFile', 'writev']);

function patchHandles(prototype: object): void {
  patch(prototype, [...SYNCS, ...WRITES, 'truncate'], (self, args, name) => {
    const path = paths.get(self as object);
    if (SYNCS.has(name)) count(path, 'sync');
    else if (WRITES.has(name)) count(path, 'write', () => writeHalf(self as FileHandle, args[0]));
    else count(path, name);
  });
}

const anyFile = await promises.open(import.meta.filename, 'r');
patchHandles(Object.getPrototypeOf(anyFile) as object);
await anyFile.close();

patch(promises, ['rename', 'link', 'unlink', 'mkdir'], (_, args, name) =>
  count(args.at(-1) === args[1] && name !== 'mkdir' ? args[1] : args[0], name),
);

const open = promises.open as Operation;
Reflect.set(promises, 'open', async (...args: unknown[]): Promise<unknown> => {
  const [path, flags] = args;
  if (flags !== 'r') count(path, 'open');
  const handle = (await Reflect.apply(open, promises, args)) as object;
  if (typeof path === 'string') paths.set(handle, path);
  return handle;
});

syncBuiltinESMExports();
// `fs.promises` is the same object; whoever takes it from there is counted too.
if (fs.promises !== promises) throw new Error('node:fs/promises is not fs.promises');
