import { once } from 'node:events';
import { createServer } from 'node:net';
import type { AddressInfo, Server } from 'node:net';

const ATTEMPTS = 50;

/** The first of so many ports in a row that nobody listens on. */
export async function freePorts(count: number): Promise<number> {
  for (let attempt = 0; attempt < ATTEMPTS; attempt += 1) {
    const servers = [createServer()];
    try {
      const first = await listen(servers[0], 0);
      for (let next = 1; next < count; next += 1) {
        servers.push(createServer());
        await listen(servers[next], first + next);
      }
      return first;
    } catch {
      // One of them is taken, or past the last port there is: try others.
    } finally {
      await Promise.all(servers.map(close));
    }
  }
  throw new Error(`no ${count} free ports in a row`);
}

async function listen(server: Server | undefined, port: number): Promise<number> {
  if (server === undefined || port > 65_535) throw new RangeError(`no port ${port}`);
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
  return (server.address() as AddressInfo).port;
}

async function close(server: Server): Promise<void> {
  if (!server.listening) return;
  server.close();
  await once(server, 'close');
}
