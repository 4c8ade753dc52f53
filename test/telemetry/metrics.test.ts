import { describe, expect, it } from '@jest/globals';
import { MetricRegistry } from '../../agent/telemetry/metrics.ts';
import { registerProcessMetrics } from '../../agent/telemetry/process-metrics.ts';
import { parseMetrics } from '../support/prometheus-text.ts';

describe('the metrics registry', () => {
  it('counts and gauges by label', async () => {
    const registry = new MetricRegistry();
    const lines = registry.counter({ name: 'lines_total', help: 'Lines', labels: ['log'] as const });
    const lag = registry.gauge({ name: 'lag', help: 'Lag', labels: [] });

    lines.add({ log: 'a' }, 2);
    lines.add({ log: 'a' }, 3);
    lines.add({ log: 'b' }, 0);
    lag.set({}, 7);
    lag.set({}, 1.5);

    expect(await registry.render()).toBe(
      '# HELP lines_total Lines\n# TYPE lines_total counter\nlines_total{log="a"} 5\nlines_total{log="b"} 0\n' +
        '# HELP lag Lag\n# TYPE lag gauge\nlag 1.5\n',
    );
  });

  it('takes a series out when nothing is known any more', async () => {
    const registry = new MetricRegistry();
    const gauge = registry.gauge({ name: 'g', help: 'G', labels: ['x'] as const });

    gauge.set({ x: '1' }, 1);
    gauge.set({ x: '2' }, 2);
    gauge.remove({ x: '1' });

    expect(parseMetrics(await registry.render()).samples).toEqual([
      { name: 'g', labels: { x: '2' }, value: 2 },
    ]);
  });

  it('makes cumulative buckets', async () => {
    const registry = new MetricRegistry();
    const seconds = registry.histogram({ name: 's', help: 'S', labels: ['l'] as const, bounds: [0.1, 1] });

    for (const value of [0.05, 0.1, 0.5, 30]) seconds.observe({ l: 'x' }, value);

    const samples = parseMetrics(await registry.render()).samples;
    expect(samples.map(({ name, labels, value }) => [name, labels['le'], value])).toEqual([
      ['s_bucket', '0.1', 2],
      ['s_bucket', '1', 3],
      ['s_bucket', '+Inf', 4],
      ['s_sum', undefined, 30.65],
      ['s_count', undefined, 4],
    ]);
  });

  it('escapes what would break the format', async () => {
    const registry = new MetricRegistry();
    const counter = registry.counter({ name: 'c', help: 'a\\b\nc', labels: ['x'] as const });

    counter.add({ x: 'quote " back \\ line\nend' }, 1);

    const text = await registry.render();
    expect(text.split('\n')).toHaveLength(4);
    expect(text).toContain('# HELP c a\\\\b\\nc\n');
    expect(parseMetrics(text).samples[0]?.labels).toEqual({ x: 'quote " back \\ line\nend' });
  });

  it('counts label values beyond its bound together', async () => {
    const registry = new MetricRegistry();
    const counter = registry.counter({ name: 'c', help: 'C', labels: ['x'] as const });

    for (let index = 0; index < 5000; index++) counter.add({ x: String(index) }, 1);

    const { samples } = parseMetrics(await registry.render());
    expect(samples).toHaveLength(1001);
    expect(samples.find(({ labels }) => labels['x'] === '_other')?.value).toBe(4000);
  });

  it('refuses the same name twice', () => {
    const registry = new MetricRegistry();
    registry.counter({ name: 'c', help: 'C', labels: [] });

    expect(() => registry.gauge({ name: 'c', help: 'C', labels: [] })).toThrow(/already/);
  });

  it('says what every client says of its process', async () => {
    const registry = new MetricRegistry();
    registerProcessMetrics(registry);

    const { samples, types } = parseMetrics(await registry.render());

    const value = (name: string): number => samples.find((one) => one.name === name)?.value ?? Number.NaN;
    expect(types['process_cpu_seconds_total']).toBe('counter');
    expect(value('process_cpu_seconds_total')).toBeGreaterThan(0);
    expect(value('process_resident_memory_bytes')).toBeGreaterThan(10_000_000);
    expect(value('process_start_time_seconds')).toBeLessThanOrEqual(Date.now() / 1000);
    expect(value('process_open_fds')).toBeGreaterThan(2);
    expect(value('nodejs_heap_size_used_bytes')).toBeGreaterThan(1_000_000);
  });
});
