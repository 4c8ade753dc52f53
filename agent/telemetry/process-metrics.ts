import { readdir } from 'node:fs/promises';
import type { MetricRegistry } from './metrics.ts';

/** What every Prometheus client says of its process, under the usual names, so that usual dashboards work. */
export function registerProcessMetrics(registry: MetricRegistry): void {
  const cpu = registry.counter({
    name: 'process_cpu_seconds_total',
    help: 'CPU time used, user and system',
    labels: [],
  });
  const resident = registry.gauge({
    name: 'process_resident_memory_bytes',
    help: 'Resident memory',
    labels: [],
  });
  const start = registry.gauge({
    name: 'process_start_time_seconds',
    help: 'When the process started, seconds since the epoch',
    labels: [],
  });
  const openFiles = registry.gauge({ name: 'process_open_fds', help: 'Open file descriptors', labels: [] });
  const heapTotal = registry.gauge({
    name: 'nodejs_heap_size_total_bytes',
    help: 'Heap taken from the system',
    labels: [],
  });
  const heapUsed = registry.gauge({ name: 'nodejs_heap_size_used_bytes', help: 'Heap in use', labels: [] });
  const external = registry.gauge({
    name: 'nodejs_external_memory_bytes',
    help: 'Memory outside the heap, buffers included',
    labels: [],
  });
  start.set({}, Math.round(performance.timeOrigin) / 1000);
  registry.collect(async () => {
    const { user, system } = process.cpuUsage();
    const memory = process.memoryUsage();
    cpu.setTotal({}, (user + system) / 1_000_000);
    resident.set({}, memory.rss);
    heapTotal.set({}, memory.heapTotal);
    heapUsed.set({}, memory.heapUsed);
    external.set({}, memory.external);
    const count = await countOpenFiles();
    if (count === undefined) openFiles.remove({});
    else openFiles.set({}, count);
  });
}

/** Undefined where the system has no /proc. */
async function countOpenFiles(): Promise<number | undefined> {
  try {
    // One of them is the descriptor that reads the directory.
    return (await readdir('/proc/self/fd')).length - 1;
  } catch {
    return undefined;
  }
}
