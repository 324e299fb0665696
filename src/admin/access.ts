import { createHash, timingSafeEqual } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';
import { isIP } from 'node:net';
import { SallyportError } from '../errors.ts';
import type { DialTarget } from '../net/dial.ts';

/** What a token must have: too much to be guessed, and nothing that a header cannot carry. */
const TOKEN = /^[\x21-\x7e]{16,512}$/;

/** Who may read the figures. */
export class Access {
  readonly #token: Buffer | undefined;
  readonly #local: boolean;

  /** Throws ERR_OPTION for a token that is none, and where others than this machine could ask and there is none. */
  constructor(address: DialTarget, token: string | undefined) {
    if (token !== undefined && !isToken(token)) {
      throw new SallyportError(
        'ERR_OPTION',
        'admin token must be 16 to 512 printable characters without blanks',
      );
    }
    this.#local = isLocal(address);
    if (!this.#local && token === undefined) {
      throw new SallyportError('ERR_OPTION', 'admin address is not of the loopback: it needs a token');
    }
    this.#token = token === undefined ? undefined : digest(token);
  }

  /** Whether the request has the token, where one is needed (RFC 6750 section 2.1). */
  permits({ authorization = '' }: IncomingHttpHeaders): boolean {
    if (this.#token === undefined) return true;
    const [, given = ''] = /^Bearer +(\S+) *$/i.exec(authorization) ?? [];
    // Of digests, as those are of one length: the time tells nothing.
    return timingSafeEqual(digest(given), this.#token);
  }

  /**
   * Whether a request without a token is for us by name. A page of somebody else's, under a name that leads to the
   * loopback, could else read the figures in the browser of who looks at it (DNS rebinding).
   */
  isForUs({ host = '' }: IncomingHttpHeaders): boolean {
    if (this.#token !== undefined) return true;
    const name = host.replace(/:\d*$/, '').replace(/^\[(.*)\]$/, '$1');
    return name === '' || isIP(name) !== 0 || /^(.+\.)?localhost\.?$/i.test(name);
  }
}

/** Whether a text may be a token. */
export function isToken(text: string): boolean {
  return TOKEN.test(text);
}

/** Whether only this machine can reach an address. */
export function isLocal(address: DialTarget): boolean {
  if ('path' in address) return true;
  const { host } = address;
  return /^localhost$/i.test(host) || host === '::1' || (isIP(host) === 4 && host.startsWith('127.'));
}

function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}
