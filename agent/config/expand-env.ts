export type Environment = Readonly<Record<string, string | undefined>>;

/** A text after its variables were put in, or what is wrong with them. */
export type Expansion =
  | { readonly status: 'expanded'; readonly text: string; readonly variables: readonly string[] }
  | { readonly status: 'refused'; readonly problems: readonly string[] };

const REFERENCE = /\$\$\{|\$\{([^}]*)(\}?)/g;
const VARIABLE_NAME = /^[A-Za-z_][A-Za-z0-9_]*$/;

/** Puts the environment's values in place of each `${NAME}`; `$${` stands for `${` itself. */
export function expandEnv(source: string, env: Environment): Expansion {
  if (!source.includes('${')) return { status: 'expanded', text: source, variables: [] };
  const variables: string[] = [];
  const problems: string[] = [];
  const text = source.replace(
    REFERENCE,
    (match: string, name: string | undefined, close: string | undefined) => {
      if (name === undefined) return '${';
      const problem = referenceProblem(name, close === '}', env);
      if (problem !== undefined) problems.push(problem);
      else variables.push(name);
      return env[name] ?? match;
    },
  );
  return problems.length > 0 ? { status: 'refused', problems } : { status: 'expanded', text, variables };
}

function referenceProblem(name: string, closed: boolean, env: Environment): string | undefined {
  if (!closed) return '"${" has no "}"; write "$${" where "${" itself is meant';
  if (!VARIABLE_NAME.test(name))
    return `\${${name}} names no environment variable; write "$\${" where "\${" itself is meant`;
  if (env[name] === undefined) return `environment variable ${name} is not set`;
  return undefined;
}
