import { BlockList, isIP } from 'node:net';

export interface ProxyOptions {
  /** The proxy of the settings; goes before the environment. */
  readonly proxyUrl: string | undefined;
  readonly env: Readonly<Record<string, string | undefined>>;
}

/**
 * The proxy for a URL: the configured one, or else what `HTTPS_PROXY`, `HTTP_PROXY` and `NO_PROXY` (in either case) say; undefined for
 * a direct connection.
 */
export function proxyFor(target: URL, { proxyUrl, env }: ProxyOptions): string | undefined {
  if (proxyUrl !== undefined) return proxyUrl;
  const name = target.protocol === 'https:' ? 'HTTPS_PROXY' : 'HTTP_PROXY';
  const proxy = variable(env, name);
  if (proxy === undefined || isExcepted(target, variable(env, 'NO_PROXY') ?? '')) return undefined;
  const url = proxy.includes('://') ? proxy : `http://${proxy}`;
  return URL.canParse(url) && /^https?:$/.test(new URL(url).protocol) ? url : undefined;
}

function variable(env: ProxyOptions['env'], name: string): string | undefined {
  const value = (env[name.toLowerCase()] ?? env[name])?.trim();
  return value === '' ? undefined : value;
}

function isExcepted(target: URL, exceptions: string): boolean {
  const host = target.hostname.replace(/^\[|\]$/g, '').toLowerCase();
  const port = target.port === '' ? (target.protocol === 'https:' ? '443' : '80') : target.port;
  return exceptions
    .toLowerCase()
    .split(/[\s,]+/)
    .filter((entry) => entry !== '')
    .some((entry) => matches(entry, host, port));
}

/** One entry: `*`, a host with its subdomains (with or without a leading dot), an address, a range of addresses; each with a port or without. */
function matches(entry: string, host: string, port: string): boolean {
  if (entry === '*') return true;
  if (entry.includes('/')) return inRange(entry, host);
  const [, name = '', entryPort] = /^\[?([^\]]*?)\]?(?::(\d+))?$/.exec(entry) ?? [];
  // An IPv6 address without brackets: its last group is no port.
  if (isIP(entry) === 6) return entry === host;
  if (entryPort !== undefined && entryPort !== port) return false;
  const suffix = name.replace(/^\*?\./, '');
  return suffix !== '' && (host === suffix || host.endsWith(`.${suffix}`));
}

function inRange(entry: string, host: string): boolean {
  const [network = '', bits = ''] = entry.split('/');
  const family = isIP(network);
  const prefix = Number(bits);
  if (family === 0 || isIP(host) !== family || !/^\d+$/.test(bits) || prefix > (family === 4 ? 32 : 128))
    return false;
  const type = family === 4 ? 'ipv4' : 'ipv6';
  const range = new BlockList();
  range.addSubnet(network, prefix, type);
  return range.check(host, type);
}
