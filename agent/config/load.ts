import { readFile, stat } from 'node:fs/promises';
import { ConfigError, errorCode, errorText, type ConfigProblem } from '../errors.ts';
import type { Environment } from './expand-env.ts';
import { isMapping } from './inspect-schema.ts';
import { issueProblems } from './issue-problems.ts';
import { issueSentence } from './issue-sentence.ts';
import { memoryProblem } from './memory.ts';
import { nameProblems } from './name-problems.ts';
import { pathText, type SettingPath } from './path-text.ts';
import { readYaml, type YamlTree } from './read-yaml.ts';
import { rootSchema, type Config, type SinkSchema } from './schema.ts';
import { sinkConflicts } from './sink-conflicts.ts';

const MAX_FILE_BYTES = 1024 * 1024;

/** A setting given on the command line; it stands over the file. */
export interface SettingOverride {
  /** The flag, for messages: `--log-level`. */
  readonly flag: string;
  readonly path: SettingPath;
  readonly value: unknown;
}

export interface LoadOptions {
  readonly file: string;
  readonly env: Environment;
  readonly definitions: readonly SinkSchema[];
  /** Name of the node where the file gives none. */
  readonly hostName: string;
  readonly overrides?: readonly SettingOverride[];
}

/** Reads the configuration. Rejects with a ConfigError that names all problems at once. */
export async function loadConfig(options: LoadOptions): Promise<Config> {
  const reading = readYaml(await readText(options.file), options.env);
  if (reading.status === 'refused') throw new ConfigError(options.file, reading.problems);
  return validate(reading.tree, options);
}

function validate(tree: YamlTree, options: LoadOptions): Config {
  const schema = rootSchema(options.definitions);
  const overrides = options.overrides ?? [];
  const root = overrides.reduce((value, { path, value: given }) => withValue(value, path, given), tree.root);
  const flags = new Map(overrides.map(({ path, flag }) => [pathText(path), flag]));
  const origin = (path: SettingPath) => (flags.has(pathText(path)) ? undefined : tree.origin(path));
  const lineOf = (path: SettingPath) => origin(path)?.line;
  const parsed = schema.safeParse(root, { error: issueSentence });
  const problems = [...tree.problems, ...nameProblems(root, lineOf)];
  if (!parsed.success) {
    const context = {
      schema,
      root,
      env: options.env,
      origin,
      isRefused: (path: SettingPath) => tree.isRefused(path),
    };
    problems.push(...issueProblems(parsed.error.issues, context));
  }
  const tooLarge = parsed.success ? memoryProblem(parsed.data) : undefined;
  if (tooLarge !== undefined) problems.push(memoryAt(['memory', 'maxBufferedBytes'], tooLarge, lineOf));
  if (parsed.success) problems.push(...sinkConflicts(parsed.data, options.definitions, lineOf));
  if (problems.length > 0 || !parsed.success)
    throw new ConfigError(options.file, sorted(withFlags(problems, flags)));
  return { ...parsed.data, node: { name: parsed.data.node.name ?? options.hostName } };
}

function memoryAt(
  path: SettingPath,
  problem: string,
  lineOf: (path: SettingPath) => number | undefined,
): ConfigProblem {
  const line = lineOf(path);
  return { path: pathText(path), ...(line === undefined ? {} : { line }), problem };
}

/** The same value with one setting changed. Objects and lists on the way are copied, missing objects made. */
function withValue(value: unknown, path: SettingPath, given: unknown): unknown {
  const [step, ...rest] = path;
  if (step === undefined) return given;
  if (Array.isArray(value))
    return value.map((member: unknown, index) => (index === step ? withValue(member, rest, given) : member));
  const members = isMapping(value) ? value : {};
  return { ...members, [step]: withValue(members[step], rest, given) };
}

function withFlags(problems: readonly ConfigProblem[], flags: ReadonlyMap<string, string>): ConfigProblem[] {
  return problems.map((problem) => {
    const flag = flags.get(problem.path);
    return flag === undefined ? problem : { ...problem, problem: `${problem.problem} (from ${flag})` };
  });
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
