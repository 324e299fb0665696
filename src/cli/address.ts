import { InvalidArgumentError } from 'commander';
import { readAddress } from '../net/address.ts';
import type { DialTarget } from '../net/dial.ts';
import type { UpstreamAddress } from '../net/upstream-choice.ts';

/** An address: `host:port`, `[::1]:port`, `unix:/path` or `/path`. */
export function address(text: string): DialTarget {
  const read = readAddress(text);
  if (read === undefined)
    throw new InvalidArgumentError('It must be host:port, [IPv6]:port, unix:/path or /path.');
  return read;
}

/** One upstream more; `name=address` is for the clients that ask for that name. */
export function upstreams(text: string, before: readonly UpstreamAddress[] = []): readonly UpstreamAddress[] {
  const [, servername, rest] = /^((?:\*\.)?[\w.-]+)=(.*)$/.exec(text) ?? [];
  const target = address(rest ?? text);
  if ('port' in target && target.port === 0) throw new InvalidArgumentError('Its port must not be 0.');
  return [...before, servername === undefined ? target : { ...target, servername }];
}
