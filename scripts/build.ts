/** Bundles the agent into dist/: ESM, split so that each heavy client is loaded only when its sink is configured. */
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { build } from 'esbuild';

const ROOT = join(import.meta.dirname, '..');

// Parts of some dependencies are CommonJS and expect these three names.
const BANNER = [
  "import { createRequire as __createRequire } from 'node:module';",
  'const require = __createRequire(import.meta.url);',
  'const __filename = import.meta.filename;',
  'const __dirname = import.meta.dirname;',
].join('');

rmSync(join(ROOT, 'dist'), { recursive: true, force: true });
await build({
  absWorkingDir: ROOT,
  entryPoints: { main: 'agent/main.ts' },
  outdir: 'dist',
  bundle: true,
  splitting: true,
  format: 'esm',
  platform: 'node',
  target: 'node24',
  sourcemap: true,
  // Not minified: a stack trace must stay readable in a container's log.
  minify: false,
  banner: { js: BANNER },
  chunkNames: 'chunks/[name]-[hash]',
  logLevel: 'warning',
});
