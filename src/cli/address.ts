import { InvalidArgumentError } from 'commander';
import type { DialTarget } from '../net/dial.ts';
import type { UpstreamAddress } from '../net/upstream-choice.ts';

/** An address: `host:port`, `[::1]:port`, `unix:/path` or `/path`. */
export function address(text: string): DialTarget {
  const path = /^(?:unix:)?(\/.+)$/.exec(text)?.[1];
  if (path !== undefined) return { path };
  const [, six, name, digits] =
    /^(?:\[([\da-fA-F]*:[\da-fA-F:.]*)\]|([^\s:/[\]=]+)):(\d{1,5})$/.exec(text) ?? [];
  const [host, port] = [six ?? name, Number(digits)];
  if (host !== undefined && port <= 65_535) return { host, port };
  throw new InvalidArgumentError('It must be host:port, [IPv6]:port, unix:/path or /path.');
}

/** One upstream more; `name=address` is for the clients that ask for that name. */
export function upstreams(text: string, before: readonly UpstreamAddress[] = []): readonly UpstreamAddress[] {
  const [, servername, rest] = /^((?:\*\.)?[\w.-]+)=(.*)$/.exec(text) ?? [];
  const target = address(rest ?? text);
  if ('port' in target && target.port === 0) throw new InvalidArgumentError('Its port must not be 0.');
  return [...before, servername === undefined ? target : { ...target, servername }];
}
