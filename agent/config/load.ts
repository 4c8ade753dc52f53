import { readFile, stat } from 'node:fs/promises';
import { ConfigError, errorCode, errorText, type ConfigProblem } from '../errors.ts';
import type { Environment } from './expand-env.ts';
import { issueProblems } from './issue-problems.ts';
import { issueSentence } from './issue-sentence.ts';
import { memoryProblem } from './memory.ts';
import { nameProblems } from './name-problems.ts';
import type { SettingPath } from './path-text.ts';
import { problemAt } from './problem-at.ts';
import { readYaml, type YamlTree } from './read-yaml.ts';
import { rootSchema, type Config, type SinkSchema } from './schema.ts';
import { sinkConflicts } from './sink-conflicts.ts';

const MAX_FILE_BYTES = 1024 * 1024;

interface LoadOptions {
  readonly file: string;
  readonly env: Environment;
  readonly definitions: readonly SinkSchema[];
  /** Name of the node where the file gives none. */
  readonly hostName: string;
}

/** Reads the configuration. Rejects with a ConfigError that names all problems at once. */
export async function loadConfig(options: LoadOptions): Promise<Config> {
  const reading = readYaml(await readText(options.file), options.env);
  if (reading.status === 'refused') throw new ConfigError(options.file, reading.problems);
  return validate(reading.tree, options);
}

function validate(tree: YamlTree, options: LoadOptions): Config {
  const schema = rootSchema(options.definitions);
  const { root } = tree;
  const origin = (path: SettingPath) => tree.origin(path);
  const lineOf = (path: SettingPath) => tree.origin(path)?.line;
  const parsed = schema.safeParse(root, { error: issueSentence });
  const problems = [...tree.problems, ...nameProblems(root, lineOf)];
  if (!parsed.success) {
    const context = {
      schema,
      root,
      env: options.env,
      origin,
      lineOf,
      isRefused: (path: SettingPath) => tree.isRefused(path),
    };
    problems.push(...issueProblems(parsed.error.issues, context));
  }
  const tooLarge = parsed.success ? memoryProblem(parsed.data) : undefined;
  if (tooLarge !== undefined) problems.push(problemAt(['memory', 'maxBufferedBytes'], tooLarge, lineOf));
  if (parsed.success) problems.push(...sinkConflicts(parsed.data, options.definitions, lineOf));
  if (problems.length > 0 || !parsed.success) throw new ConfigError(options.file, sorted(problems));
  return { ...parsed.data, node: { name: parsed.data.node.name ?? options.hostName } };
}

/** In the order of the file; what is missing from it comes last. */
function sorted(problems: readonly ConfigProblem[]): ConfigProblem[] {
  const line = (problem: ConfigProblem): number => problem.line ?? Number.MAX_SAFE_INTEGER;
  return [...problems].sort((a, b) => line(a) - line(b));
}

async function readText(file: string): Promise<string> {
  try {
    const { size } = await stat(file);
    if (size > MAX_FILE_BYTES) throw fileProblem(file, `is larger than ${MAX_FILE_BYTES} bytes`);
    return new TextDecoder('utf-8', { fatal: true }).decode(await readFile(file));
  } catch (error) {
    if (error instanceof ConfigError) throw error;
    throw fileProblem(file, readFailure(error));
  }
}

function fileProblem(file: string, problem: string): ConfigError {
  return new ConfigError(file, [{ path: '', problem }]);
}

const READ_FAILURES: Readonly<Record<string, string>> = {
  ENOENT: 'the file does not exist',
  EACCES: 'permission denied',
  EISDIR: 'is a directory',
  ERR_ENCODING_INVALID_ENCODED_DATA: 'is not UTF-8 text',
};

function readFailure(error: unknown): string {
  return READ_FAILURES[errorCode(error) ?? ''] ?? `cannot be read: ${errorText(error)}`;
}
