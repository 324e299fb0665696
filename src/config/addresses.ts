import { isIPv6 } from 'node:net';
import { type ListenPlace, placeName } from '../net/dial.ts';
import type { Reading } from './reading.ts';
import type { Path } from './source.ts';

export interface Placed {
  readonly address: ListenPlace;
  readonly path: Path;
}

/** Reports each address that one above it has taken already. */
export function reportTakenAddresses(placed: readonly Placed[], reading: Reading): void {
  for (const [index, { address, path }] of placed.entries()) {
    const taken = placed.slice(0, index).find(other => collide(other.address, address));
    if (taken === undefined) continue;
    const { line } = reading.source.position(taken.path);
    const name = placeName(address);
    const same = placeName(taken.address);
    const found =
      same === name ? `${name} is taken by line ${line}` : `${name} is part of ${same} in line ${line}`;
    reading.report(path, found, 'give each listener an address of its own');
  }
}

function collide(one: ListenPlace, other: ListenPlace): boolean {
  if ('passed' in one || 'passed' in other) return placeName(one) === placeName(other);
  if ('path' in one || 'path' in other) return 'path' in one && 'path' in other && one.path === other.path;
  // The system chooses another one each time.
  if (one.port !== other.port || one.port === 0) return false;
  const hosts = [normalised(one.host), normalised(other.host)];
  if (hosts[0] === hosts[1]) return true;
  // This one takes IPv4 as well.
  if (hosts.includes('[::]')) return true;
  return hosts.includes('0.0.0.0') && !hosts.some(host => host.startsWith('['));
}

/** An IPv6 address has one form of many. */
function normalised(host: string): string {
  return isIPv6(host) ? new URL(`tcp://[${host}]`).hostname : host.toLowerCase();
}
