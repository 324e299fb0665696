import { Buffer } from 'node:buffer';

/** The four bytes of an IPv4 address in its one form, without zeros in front; `undefined` for all else. */
export function ipv4Bytes(text: string): Buffer | undefined {
  const parts = text.split('.');
  if (parts.length !== 4 || !parts.every(part => /^(0|[1-9]\d{0,2})$/.test(part) && Number(part) < 256)) {
    return undefined;
  }
  return Buffer.from(parts.map(Number));
}

export function ipv4Text(bytes: Uint8Array): string {
  return [...bytes].join('.');
}

/** The sixteen bytes of an IPv6 address (RFC 4291 section 2.2), without a zone; `undefined` for all else. */
export function ipv6Bytes(text: string): Buffer | undefined {
  const dotted = /^(.*:)(\d+\.\d+\.\d+\.\d+)$/.exec(text);
  const tail = ipv4Bytes(dotted?.[2] ?? '');
  if (dotted !== null && tail === undefined) return undefined;
  const words =
    tail === undefined ? text : `${dotted?.[1]}${tail.toString('hex', 0, 2)}:${tail.toString('hex', 2)}`;
  const halves = words.split('::');
  if (halves.length > 2) return undefined;
  const [left = [], right = []] = halves.map(half => (half === '' ? [] : half.split(':')));
  const missing = 8 - left.length - right.length;
  if (halves.length === 2 ? missing < 1 : missing !== 0) return undefined;
  const all = [...left, ...Array<string>(missing).fill('0'), ...right];
  if (!all.every(word => /^[\da-f]{1,4}$/i.test(word))) return undefined;
  return Buffer.from(all.map(word => word.padStart(4, '0')).join(''), 'hex');
}

/** An IPv6 address as RFC 5952 section 4 wants it: the longest run of zeros left out. */
export function ipv6Text(bytes: Uint8Array): string {
  const data = Buffer.from(bytes);
  const words = Array.from({ length: 8 }, (_, index) => data.readUInt16BE(2 * index).toString(16)).join(':');
  const runs = [...words.matchAll(/(?<![\da-f])0(:0)+(?![\da-f])/g)].map(([run]) => run);
  const longest = runs.reduce((best, run) => (run.length > best.length ? run : best), '');
  if (longest === '') return words;
  const at = words.search(new RegExp(`(?<![\\da-f])${longest}(?![\\da-f])`));
  return `${words.slice(0, at).replace(/:$/, '')}::${words.slice(at + longest.length).replace(/^:/, '')}`;
}

/** Whether a text is a port in its one form. */
export function isPort(text: string): boolean {
  return /^(0|[1-9]\d{0,4})$/.test(text) && Number(text) <= 65_535;
}
