/**
 * A small registry of metrics in Prometheus' text format 0.0.4. It holds what the agent needs and no more: a client library costs
 * several megabytes of memory.
 */

/** Series of one metric; more label values than this come from a bug or an attacker and are counted together. */
const MAX_SERIES = 1000;
const OVERFLOW = '_other';

export const METRICS_CONTENT_TYPE = 'text/plain; version=0.0.4; charset=utf-8';

export type LabelValues<Name extends string> = Readonly<Record<Name, string>>;

export interface MetricOptions<Name extends string> {
  readonly name: string;
  readonly help: string;
  readonly labels: readonly Name[];
}

export interface Counter<Name extends string> {
  add(labels: LabelValues<Name>, amount: number): void;
  /** For a total that somebody else counts. */
  setTotal(labels: LabelValues<Name>, total: number): void;
}

export interface Gauge<Name extends string> {
  set(labels: LabelValues<Name>, value: number): void;
  /** Takes the series out: nothing is known any more. */
  remove(labels: LabelValues<Name>): void;
}

export interface Histogram<Name extends string> {
  observe(labels: LabelValues<Name>, value: number): void;
}

interface Metric {
  readonly lines: () => string[];
}

/** Reads values that are looked up only when somebody asks. */
export type Collector = () => void | Promise<void>;

/** All metrics of one agent. */
export class MetricRegistry {
  readonly #metrics = new Map<string, Metric>();
  readonly #collectors: Collector[] = [];

  counter<Name extends string>(options: MetricOptions<Name>): Counter<Name> {
    const series = this.#register(options, 'counter', numberLines);
    return {
      add: (labels, amount) => {
        const one = series.of(labels, () => ({ value: 0 }));
        one.value += amount;
      },
      setTotal: (labels, total) => {
        series.of(labels, () => ({ value: 0 })).value = total;
      },
    };
  }

  gauge<Name extends string>(options: MetricOptions<Name>): Gauge<Name> {
    const series = this.#register(options, 'gauge', numberLines);
    return {
      set: (labels, value) => {
        series.of(labels, () => ({ value })).value = value;
      },
      remove: (labels) => series.remove(labels),
    };
  }

  histogram<Name extends string>(
    options: MetricOptions<Name> & { readonly bounds: readonly number[] },
  ): Histogram<Name> {
    const { bounds } = options;
    const series = this.#register(options, 'histogram', (name, labels, one: Buckets) =>
      histogramLines({ name, labels, bounds, buckets: one }),
    );
    return {
      observe: (labels, value) => {
        const one = series.of(labels, () => ({ counts: bounds.map(() => 0), sum: 0, count: 0 }));
        const bucket = bounds.findIndex((bound) => value <= bound);
        if (bucket >= 0) one.counts[bucket] = (one.counts[bucket] ?? 0) + 1;
        one.sum += value;
        one.count += 1;
      },
    };
  }

  /** Has `collector` run before each rendering. */
  collect(collector: Collector): void {
    this.#collectors.push(collector);
  }

  /** The whole registry as text. */
  async render(): Promise<string> {
    for (const collector of this.#collectors) await collector();
    return [...this.#metrics.values()].flatMap((metric) => metric.lines()).join('');
  }

  #register<Name extends string, One>(
    options: MetricOptions<Name>,
    type: 'counter' | 'gauge' | 'histogram',
    lines: (name: string, labels: string, one: One) => string,
  ): Series<Name, One> {
    const { name, help, labels } = options;
    if (this.#metrics.has(name)) throw new TypeError(`metric ${name} is there already`);
    const series = new Series<Name, One>(labels);
    const head = `# HELP ${name} ${escapeHelp(help)}\n# TYPE ${name} ${type}\n`;
    this.#metrics.set(name, {
      lines: () => [head, ...series.entries().map(([text, one]) => lines(name, text, one))],
    });
    return series;
  }
}

/** The series of one metric, by their labels as text. */
class Series<Name extends string, One> {
  readonly #labels: readonly Name[];
  readonly #entries = new Map<string, One>();

  constructor(labels: readonly Name[]) {
    this.#labels = labels;
  }

  of(labels: LabelValues<Name>, create: () => One): One {
    let text = this.#text((name) => labels[name]);
    let one = this.#entries.get(text);
    if (one !== undefined) return one;
    if (this.#entries.size >= MAX_SERIES) {
      text = this.#text(() => OVERFLOW);
      one = this.#entries.get(text);
      if (one !== undefined) return one;
    }
    one = create();
    this.#entries.set(text, one);
    return one;
  }

  remove(labels: LabelValues<Name>): void {
    this.#entries.delete(this.#text((name) => labels[name]));
  }

  entries(): [string, One][] {
    return [...this.#entries];
  }

  #text(valueOf: (name: Name) => string): string {
    return this.#labels.map((name) => `${name}="${escapeLabel(valueOf(name))}"`).join(',');
  }
}

interface Buckets {
  readonly counts: number[];
  sum: number;
  count: number;
}

function numberLines(name: string, labels: string, one: { value: number }): string {
  return sample(name, labels, one.value);
}

function histogramLines(options: {
  name: string;
  labels: string;
  bounds: readonly number[];
  buckets: Buckets;
}): string {
  const { name, labels, bounds, buckets } = options;
  const withBound = (bound: string): string => (labels === '' ? `le="${bound}"` : `${labels},le="${bound}"`);
  let below = 0;
  let text = '';
  for (const [index, bound] of bounds.entries()) {
    below += buckets.counts[index] ?? 0;
    text += sample(`${name}_bucket`, withBound(numberText(bound)), below);
  }
  text += sample(`${name}_bucket`, withBound('+Inf'), buckets.count);
  text += sample(`${name}_sum`, labels, buckets.sum);
  return text + sample(`${name}_count`, labels, buckets.count);
}

function sample(name: string, labels: string, value: number): string {
  return labels === '' ? `${name} ${numberText(value)}\n` : `${name}{${labels}} ${numberText(value)}\n`;
}

function numberText(value: number): string {
  if (value === Number.POSITIVE_INFINITY) return '+Inf';
  if (value === Number.NEGATIVE_INFINITY) return '-Inf';
  return String(value);
}

function escapeHelp(text: string): string {
  return text.replaceAll('\\', '\\\\').replaceAll('\n', '\\n');
}

function escapeLabel(text: string): string {
  return escapeHelp(text).replaceAll('"', '\\"');
}
