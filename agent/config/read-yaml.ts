import {
  isAlias,
  isMap,
  isScalar,
  isSeq,
  LineCounter,
  parseDocument,
  type Alias,
  type Document,
  type ErrorCode,
  type Node,
  type Pair,
  type YAMLMap,
} from 'yaml';
import type { ConfigProblem } from '../errors.ts';
import { expandEnv, type Environment } from './expand-env.ts';
import { pathText, type SettingPath } from './path-text.ts';

/** Aliases can make a small file endless; a configuration is never this large or deep. */
const MAX_NODES = 10_000;
const MAX_DEPTH = 40;
const MAX_SYNTAX_PROBLEMS = 10;

/** Where a setting stands in the file. */
export interface SettingOrigin {
  readonly line: number;
  /** The text as it stands in the file, before variables were put in; only for texts. */
  readonly source?: string;
  /** Names of the variables that were put in. */
  readonly variables: readonly string[];
}

/** The file as plain values, with the place of each. Settings whose variables are wrong are absent from `root`. */
export interface YamlTree {
  readonly root: unknown;
  readonly problems: readonly ConfigProblem[];
  origin(path: SettingPath): SettingOrigin | undefined;
  /** Paths that have a problem already. */
  isRefused(path: SettingPath): boolean;
}

export type YamlReading =
  | { readonly status: 'read'; readonly tree: YamlTree }
  | { readonly status: 'refused'; readonly problems: readonly ConfigProblem[] };

/** Reads one YAML document. Messages are our own, because the parser's quote the file, which may hold secrets. */
export function readYaml(text: string, env: Environment): YamlReading {
  const lines = new LineCounter();
  const document = parseDocument(text, {
    lineCounter: lines,
    prettyErrors: false,
    uniqueKeys: false,
  });
  const syntax = syntaxProblems(document, lines);
  if (syntax.length > 0) return { status: 'refused', problems: syntax };
  if (document.contents === null) return refused('the file holds no settings');
  if (!isMap(document.contents)) return refused('expected a mapping of settings such as "logs:"');
  const walk = new Walk(document, lines, env);
  const root = walk.value(document.contents, [], 0);
  if (walk.tooLarge) return refused('has too many settings, or they are nested too deeply');
  return { status: 'read', tree: { root, ...walk.result() } };
}

function refused(problem: string): YamlReading {
  return { status: 'refused', problems: [{ path: '', problem }] };
}

function syntaxProblems(document: Document, lines: LineCounter): ConfigProblem[] {
  const problems = new Map<number, ConfigProblem>();
  for (const fault of [...document.errors, ...document.warnings]) {
    const { line } = lines.linePos(fault.pos[0]);
    // One slip makes several faults on its line; the first one tells most.
    if (!problems.has(line)) problems.set(line, { path: '', line, problem: syntaxSentence(fault.code) });
  }
  return [...problems.values()].slice(0, MAX_SYNTAX_PROBLEMS);
}

const SYNTAX_SENTENCES: Readonly<Partial<Record<ErrorCode, string>>> = {
  TAB_AS_INDENT: 'tabs cannot indent YAML; use spaces',
  MULTIPLE_DOCS: 'a second document begins here ("---"); one file holds one document',
  BAD_INDENT: 'the indentation fits no setting above, or a bracket is not closed',
  BAD_DQ_ESCAPE: 'unknown escape between double quotes; write "\\\\" for a backslash, or use single quotes',
  BAD_SCALAR_START: 'a text cannot begin with this character; put it in quotes',
  BLOCK_AS_IMPLICIT_KEY: 'two ": " on one line; put the text in quotes',
  MULTILINE_IMPLICIT_KEY: 'expected "key: value"',
  MISSING_CHAR: 'a quote, bracket, comma or colon is missing',
  TAG_RESOLVE_FAILED: 'tags ("!...") are not understood here',
  UNEXPECTED_TOKEN: 'unexpected text; a ${VARIABLE} inside { } or [ ] must stand in quotes',
  RESOURCE_EXHAUSTION: 'nested too deeply',
};

function syntaxSentence(code: ErrorCode): string {
  return SYNTAX_SENTENCES[code] ?? `is not valid YAML (${code})`;
}

/** One pass over the document: plain values, places, variables, duplicate keys. */
class Walk {
  tooLarge = false;
  readonly #document: Document;
  readonly #lines: LineCounter;
  readonly #env: Environment;
  readonly #origins = new Map<string, SettingOrigin>();
  readonly #problems: ConfigProblem[] = [];
  readonly #refused = new Set<string>();
  #nodes = 0;

  constructor(document: Document, lines: LineCounter, env: Environment) {
    this.#document = document;
    this.#lines = lines;
    this.#env = env;
  }

  result(): Omit<YamlTree, 'root'> {
    return {
      problems: this.#problems,
      origin: (path) => this.#origins.get(pathText(path)),
      isRefused: (path) => this.#refused.has(pathText(path)),
    };
  }

  value(node: unknown, path: SettingPath, depth: number): unknown {
    this.#nodes += 1;
    if (this.#nodes > MAX_NODES || depth > MAX_DEPTH) {
      this.tooLarge = true;
      return undefined;
    }
    if (isAlias(node)) return this.#alias(node, path, depth);
    if (isMap(node)) return this.#map(node, path, depth);
    if (isSeq(node)) {
      this.#place(path, node);
      return node.items.map((item, index) => this.value(item, [...path, index], depth + 1));
    }
    if (!isScalar(node)) return null;
    return typeof node.value === 'string' ? this.#text(node.value, node, path) : this.#plain(node, path);
  }

  #plain(node: Node & { value: unknown }, path: SettingPath): unknown {
    this.#place(path, node);
    return node.value;
  }

  #alias(node: Alias, path: SettingPath, depth: number): unknown {
    const target = node.resolve(this.#document);
    if (target !== undefined) return this.value(target, path, depth + 1);
    this.#refuse(path, node, 'refers ("*") to an anchor ("&") that is not there');
    return undefined;
  }

  #map(node: YAMLMap, path: SettingPath, depth: number): unknown {
    this.#place(path, node);
    const entries = new Map<string, unknown>();
    for (const pair of node.items) {
      const key = keyText(pair);
      if (key === undefined) {
        this.#refuse(path, node, 'has a key that is no text');
        continue;
      }
      const at = [...path, key];
      if (entries.has(key)) this.#refuse(at, pair.key, 'is set twice');
      else if (pair.value === null) this.#place(at, pair.key);
      const value = entries.has(key) ? entries.get(key) : this.value(pair.value, at, depth + 1);
      entries.set(key, value);
    }
    // Own properties whatever the key is called.
    return Object.fromEntries(entries);
  }

  #text(source: string, node: Node, path: SettingPath): unknown {
    const expansion = expandEnv(source, this.#env);
    const variables = expansion.status === 'expanded' ? expansion.variables : [];
    this.#origins.set(pathText(path), { line: this.#lineOf(node), source, variables });
    if (expansion.status === 'expanded') return expansion.text;
    for (const problem of expansion.problems) this.#refuse(path, node, problem);
    return undefined;
  }

  #place(path: SettingPath, node: unknown): void {
    this.#origins.set(pathText(path), { line: this.#lineOf(node), variables: [] });
  }

  #refuse(path: SettingPath, node: unknown, problem: string): void {
    const at = pathText(path);
    this.#refused.add(at);
    this.#problems.push({ path: at, line: this.#lineOf(node), problem });
  }

  #lineOf(node: unknown): number {
    const range = isScalar(node) || isMap(node) || isSeq(node) || isAlias(node) ? node.range : undefined;
    return this.#lines.linePos(range?.[0] ?? 0).line;
  }
}

function keyText(pair: Pair): string | undefined {
  const { key } = pair;
  if (!isScalar(key)) return undefined;
  return typeof key.value === 'string' || typeof key.value === 'number' || typeof key.value === 'boolean'
    ? String(key.value)
    : undefined;
}
