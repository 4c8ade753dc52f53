/**
 * Checks which room may import which (docs/architecture.md) and that each third-party package has one home.
 * Prints every violation and ends with 1 if there is one.
 */
import { globSync, readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';

const GROUND = ['clock', 'in-turn', 'is-object', 'errors', 'event', 'telemetry/events', 'memory'];
const CONTRACTS = ['log/log', 'sink/sink', 'sink/batch', 'sink/definition', 'checkpoint', 'config'];

/** For each room, what it may import beside itself; the longest matching prefix decides. */
const ALLOWED: Readonly<Record<string, readonly string[]>> = {
  clock: [],
  'in-turn': [],
  'is-object': [],
  errors: [],
  event: ['errors'],
  memory: [],
  'telemetry/events': ['errors'],
  telemetry: GROUND,
  config: GROUND,
  checkpoint: [...GROUND, 'log/log'],
  document: [...GROUND, 'sink/batch', 'sink/definition'],
  log: GROUND,
  'sink/sink': [...GROUND, 'sink/batch'],
  'sink/batch': GROUND,
  'sink/definition': [...GROUND, 'sink/sink', 'config'],
  'sink/bulk': [...GROUND, ...CONTRACTS, 'document'],
  'sink/elasticsearch': [...GROUND, ...CONTRACTS, 'sink/bulk'],
  'sink/ndjson': [...GROUND, ...CONTRACTS, 'document'],
  'sink/file': [...GROUND, ...CONTRACTS, 'sink/ndjson'],
  'sink/stdout': [...GROUND, ...CONTRACTS, 'sink/ndjson'],
  'sink/dead-letter': [...GROUND, ...CONTRACTS],
  'sink/registry': ['sink'],
  pipeline: [...GROUND, ...CONTRACTS],
  cli: ['*'],
  main: ['cli'],
};

/** The rooms in which a package may be imported. */
const HOMES: Readonly<Record<string, readonly string[]>> = {
  '@elastic/elasticsearch': ['sink/elasticsearch'],
  chokidar: ['log'],
  commander: ['cli'],
  pino: ['telemetry'],
  split2: ['sink/dead-letter'],
  yaml: ['config'],
  zod: ['config', 'sink'],
};

const ROOT = join(import.meta.dirname, '..', 'agent');

function isIn(room: string, module: string): boolean {
  return module === room || module.startsWith(`${room}/`) || module.startsWith(`${room}.`);
}

function roomOf(module: string): string {
  const rooms = Object.keys(ALLOWED).filter((room) => isIn(room, module));
  rooms.sort((a, b) => b.length - a.length);
  return rooms[0] ?? '';
}

function problemsOf(file: string): string[] {
  const module = file.replace(/\.ts$/, '');
  const room = roomOf(module);
  if (room === '') return [`${file}: stands in no room of scripts/layers.ts`];
  const text = readFileSync(join(ROOT, file), 'utf8');
  const imports = [...text.matchAll(/(?:\bfrom|\bimport\()\s*'([^']+)'/g)].map((match) => match[1] ?? '');
  return imports.flatMap((specifier) => {
    if (specifier.startsWith('node:')) return [];
    if (!specifier.startsWith('.')) return packageProblem(file, module, specifier);
    const target = normalize(join(dirname(file), specifier)).replace(/\.(ts|json)$/, '');
    if (target.startsWith('..')) return [];
    const allowed = ALLOWED[room] ?? [];
    const ok = allowed.includes('*') || isIn(room, target) || allowed.some((one) => isIn(one, target));
    return ok ? [] : [`${file}: ${room} may not import ${target}`];
  });
}

function packageProblem(file: string, module: string, specifier: string): string[] {
  const name = Object.keys(HOMES).find((one) => specifier === one || specifier.startsWith(`${one}/`));
  if (name === undefined) return [`${file}: package ${specifier} has no home in scripts/layers.ts`];
  return (HOMES[name] ?? []).some((home) => isIn(home, module))
    ? []
    : [`${file}: ${specifier} does not belong here`];
}

const problems = globSync('**/*.ts', { cwd: ROOT }).flatMap(problemsOf);
for (const problem of problems) console.log(problem);
process.exitCode = problems.length > 0 ? 1 : 0;
