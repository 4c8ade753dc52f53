import { randomUUID } from 'node:crypto';
import { link, mkdir, open, rename, stat, unlink } from 'node:fs/promises';
import type { FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import type { Server, Socket } from 'node:net';
import { errorCode } from '../errors.ts';

// Not imported: `import 'node:net'` would be the same here, but this way no module of the network stack is loaded before it is needed.
const net = process.getBuiltinModule('node:net');

const LOCK_NAME = 'agent.lock';
const CONNECT_TIMEOUT_MS = 2_000;

export interface StateLock {
  release(): Promise<void>;
}

export type LockAttempt = { status: 'held'; lock: StateLock } | { status: 'busy'; holder: string };

/**
 * Tries to become the only agent that uses a state directory.
 *
 * The lock is a listening Unix socket in the directory: it is held for exactly as long as its process lives, and can be probed from
 * another pod on the node, which neither a process id (other PID namespace) nor an abstract socket (other network namespace) can.
 * The socket is bound under a temporary name and linked to its place, which fails if the place is taken.
 */
export async function tryLockStateDirectory(stateDir: string): Promise<LockAttempt> {
  await mkdir(stateDir, { recursive: true, mode: 0o700 });
  // A socket's path is limited to 107 bytes; the directory's is not. This short name leads there through the open descriptor.
  const directory = await open(stateDir, 'r');
  try {
    return await tryLock(stateDir, directory);
  } finally {
    await directory.close();
  }
}

async function tryLock(stateDir: string, directory: FileHandle): Promise<LockAttempt> {
  const lockPath = join(stateDir, LOCK_NAME);
  const short = `/proc/self/fd/${directory.fd}`;
  const probedInode = await inodeOf(lockPath);
  if (probedInode !== undefined) {
    const holder = await probe(`${short}/${LOCK_NAME}`);
    if (holder !== undefined) return { status: 'busy', holder };
    await removeStale(lockPath, probedInode);
  }
  const temporaryName = `${LOCK_NAME}.${randomUUID()}`;
  const server = await listen(`${short}/${temporaryName}`);
  const temporary = join(stateDir, temporaryName);
  const inode = await inodeOf(temporary);
  const linked = await linkUnlessTaken(temporary, lockPath);
  await unlink(temporary).catch(ignoreMissing);
  if (linked && (await inodeOf(lockPath)) === inode)
    return { status: 'held', lock: heldLock(server, lockPath, inode) };
  await closed(server);
  return { status: 'busy', holder: 'another agent that is just starting' };
}

function heldLock(server: Server, lockPath: string, inode: number | undefined): StateLock {
  return {
    release: async () => {
      if ((await inodeOf(lockPath)) === inode) await unlink(lockPath).catch(ignoreMissing);
      await closed(server);
    },
  };
}

/** Who answers on the socket, or undefined if nobody listens any more. */
async function probe(path: string): Promise<string | undefined> {
  return new Promise((resolve) => {
    const socket = net.connect({ path });
    let answer = '';
    const finish = (holder: string | undefined): void => {
      socket.destroy();
      resolve(holder);
    };
    socket.setEncoding('utf8');
    socket.setTimeout(CONNECT_TIMEOUT_MS, () => finish(answer || 'an agent that does not answer'));
    socket.on('data', (text: string) => {
      answer += text;
    });
    socket.on('end', () => finish(answer || 'an agent that does not say its name'));
    socket.on('error', (error: NodeJS.ErrnoException) => {
      const gone = error.code === 'ECONNREFUSED' || error.code === 'ENOENT';
      finish(gone ? undefined : `an agent that cannot be reached (${error.code ?? 'unknown'})`);
    });
  });
}

/** Takes a dead agent's socket away, unless somebody else has replaced it since it was probed. */
async function removeStale(lockPath: string, probedInode: number): Promise<void> {
  const grave = `${lockPath}.stale.${randomUUID()}`;
  try {
    await rename(lockPath, grave);
    if ((await inodeOf(grave)) !== probedInode) await linkUnlessTaken(grave, lockPath);
    await unlink(grave);
  } catch (error) {
    ignoreMissing(error);
  }
}

async function listen(path: string): Promise<Server> {
  const server = net.createServer((socket: Socket) => {
    socket.on('error', () => socket.destroy());
    socket.end(`process ${process.pid}, started ${processStarted}`);
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(path, resolve);
  });
  server.unref();
  return server;
}

const processStarted = new Date(Date.now() - process.uptime() * 1000).toISOString();

async function closed(server: Server): Promise<void> {
  await new Promise<void>((resolve) => {
    server.close(() => resolve());
  });
}

async function linkUnlessTaken(from: string, to: string): Promise<boolean> {
  try {
    await link(from, to);
    return true;
  } catch (error) {
    if (errorCode(error) === 'EEXIST') return false;
    throw error;
  }
}

async function inodeOf(path: string): Promise<number | undefined> {
  try {
    return (await stat(path)).ino;
  } catch (error) {
    ignoreMissing(error);
    return undefined;
  }
}

function ignoreMissing(error: unknown): void {
  if (errorCode(error) !== 'ENOENT') throw error;
}
