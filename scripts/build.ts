/** Bundles the agent into dist/: ESM, split so that each heavy client is loaded only when its sink is configured. */
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { build, type OnResolveArgs, type OnResolveResult, type Plugin } from 'esbuild';

const ROOT = join(import.meta.dirname, '..');

// Parts of some dependencies are CommonJS and expect these three names.
const BANNER = [
  "import { createRequire as __createRequire } from 'node:module';",
  'const require = __createRequire(import.meta.url);',
  'const __filename = import.meta.filename;',
  'const __dirname = import.meta.dirname;',
].join('');

/**
 * The Elasticsearch package is one barrel over every endpoint and both HTTP stacks. Only its transport over node:http is used: saying
 * that its modules have no side effects lets the rest be left out, and the two packages that the transport names but never reaches here
 * become empty. It halves what the sink costs in memory; the tests with real servers run against the bundle.
 */
const transportOnly: Plugin = {
  name: 'elasticsearch-transport-only',
  setup(bundler) {
    const pure = async (args: OnResolveArgs): Promise<OnResolveResult | undefined> => {
      if (args.pluginData === transportOnly) return undefined;
      const { kind, resolveDir, importer } = args;
      const resolved = await bundler.resolve(args.path, {
        kind,
        resolveDir,
        importer,
        pluginData: transportOnly,
      });
      return { path: resolved.path, external: resolved.external, sideEffects: false };
    };
    bundler.onResolve({ filter: /^@elastic\/elasticsearch$/ }, pure);
    bundler.onResolve({ filter: /^\./ }, (args) =>
      args.importer.includes('/@elastic/elasticsearch/esm/') ? pure(args) : undefined,
    );
    bundler.onResolve({ filter: /^(undici|@opentelemetry\/core)$/ }, ({ path }) => ({
      path,
      namespace: 'unused',
    }));
    bundler.onLoad({ filter: /.*/, namespace: 'unused' }, () => ({ contents: 'module.exports = {};' }));
  },
};

/**
 * An ES import of node:http makes Node load its own fetch implementation as well, which nothing here uses (6 MB, 40 ms); asking for the
 * built-in module does not.
 */
const httpWithoutFetch: Plugin = {
  name: 'http-without-fetch',
  setup(bundler) {
    bundler.onResolve({ filter: /^(node:)?https?$/ }, ({ path }) => ({
      path: path.replace('node:', ''),
      namespace: 'builtin',
    }));
    bundler.onLoad({ filter: /.*/, namespace: 'builtin' }, ({ path }) => ({
      contents: `module.exports = process.getBuiltinModule('node:${path}');`,
    }));
  },
};

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
  plugins: [transportOnly, httpWithoutFetch],
  chunkNames: 'chunks/[name]-[hash]',
  logLevel: 'warning',
});
