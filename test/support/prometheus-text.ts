/** A strict reader of Prometheus' text format 0.0.4, written apart from the code that makes it. */
export interface Sample {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

export interface ParsedMetrics {
  readonly samples: readonly Sample[];
  readonly types: Readonly<Record<string, string>>;
}

const SAMPLE = /^([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})? (NaN|[+-]Inf|-?[0-9.eE+-]+)$/;
const LABEL = /([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\[\\"n])*)"(?:,|$)/gy;

/** Throws on anything that is not the format. */
export function parseMetrics(text: string): ParsedMetrics {
  if (!text.endsWith('\n')) throw new Error('the last line has no end');
  const samples: Sample[] = [];
  const types: Record<string, string> = {};
  for (const line of text.slice(0, -1).split('\n')) {
    const type = /^# TYPE (\S+) (counter|gauge|histogram)$/.exec(line);
    if (type?.[1] !== undefined && type[2] !== undefined) types[type[1]] = type[2];
    else if (!/^# HELP \S+ .+$/.test(line)) samples.push(parseSample(line));
  }
  return { samples, types };
}

function parseSample(line: string): Sample {
  const match = SAMPLE.exec(line);
  if (match?.[1] === undefined) throw new Error(`no sample: ${line}`);
  const value =
    match[3] === '+Inf' ? Number.POSITIVE_INFINITY : match[3] === '-Inf' ? -Infinity : Number(match[3]);
  return { name: match[1], labels: parseLabels(match[2] ?? ''), value };
}

function parseLabels(text: string): Record<string, string> {
  const labels: Record<string, string> = {};
  let end = 0;
  for (const match of text.matchAll(LABEL)) {
    labels[match[1] ?? ''] = (match[2] ?? '').replace(/\\(.)/g, (_, escaped: string) =>
      escaped === 'n' ? '\n' : escaped,
    );
    end = match.index + match[0].length;
  }
  if (end !== text.length) throw new Error(`no labels: ${text}`);
  return labels;
}
