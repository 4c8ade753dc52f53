import { cp, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { runNode } from './child-process.ts';

const ROOT = join(import.meta.dirname, '..', '..');

/** The agent as it is shipped. */
export interface AgentBundle extends AsyncDisposable {
  /** What Node runs. */
  readonly main: string;
}

/** Builds the bundle and puts it where nothing lies beside it: what is not in it cannot be found. */
export async function buildAgentBundle(): Promise<AgentBundle> {
  const { code, err } = await runNode([join(ROOT, 'scripts', 'build.ts')]);
  if (code !== 0) throw new Error(`the build ended with ${code}: ${err}`);
  const directory = await mkdtemp(join(tmpdir(), 'agent-bundle-'));
  await cp(join(ROOT, 'dist'), join(directory, 'dist'), { recursive: true });
  // The nearest package.json says that .js is ESM; without one Node finds out by itself, slowly.
  await cp(join(ROOT, 'package.json'), join(directory, 'package.json'));
  return {
    main: join(directory, 'dist', 'main.js'),
    [Symbol.asyncDispose]: () => rm(directory, { recursive: true, force: true }),
  };
}
