import type { DialTarget } from './dial.ts';

/** `host:port`, `[IPv6]:port`, `unix:/path` or `/path`. */
export const ADDRESS = /^(?:(?:unix:)?(\/.+)|(?:\[([\da-fA-F]*:[\da-fA-F:.]*)\]|([^\s:/[\]=]+)):(\d{1,5}))$/;

/** Reads an address; `undefined` for what is none. */
export function readAddress(text: string): DialTarget | undefined {
  const [, path, six, name, digits] = ADDRESS.exec(text) ?? [];
  if (path !== undefined) return { path };
  const [host, port] = [six ?? name, Number(digits)];
  return host === undefined || port > 65_535 ? undefined : { host, port };
}
