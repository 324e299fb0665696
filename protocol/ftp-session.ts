import { splitCommand } from '../src/dialogue/command.ts';
import type { FollowedSession, Follower, Move, TransferEnd } from '../src/dialogue/follower.ts';
import { reply } from '../src/dialogue/reply.ts';
import {
  familyOf,
  isSameAddress,
  isUnspecified,
  parseExtendedPort,
  parsePassivePort,
  parsePort,
  passiveNumbers,
} from './ftp-address.ts';
import { bufferSizeAnswer, featureList, protectionAnswer, theirFeatures } from './ftp-protection.ts';
import { FtpReplies, type FtpReply } from './ftp-replies.ts';

/** A command that the upstream has still to answer. */
type Exchange =
  | { readonly kind: 'plain' | 'status' | 'features' }
  | { readonly kind: 'passive'; readonly extended: boolean }
  | { readonly kind: 'active'; readonly port: number; readonly verb: string }
  | { readonly kind: 'transfer'; end?: TransferEnd; final?: string };

type TransferExchange = Extract<Exchange, { kind: 'transfer' }>;

/** Whether a transfer's sender is the client; of RFC 959 and RFC 3659. */
const TRANSFERS: ReadonlyMap<string, 'client' | 'upstream'> = new Map([
  ['STOR', 'client'],
  ['STOU', 'client'],
  ['APPE', 'client'],
  ['RETR', 'upstream'],
  ['LIST', 'upstream'],
  ['NLST', 'upstream'],
  ['MLSD', 'upstream'],
]);

/** Ports below are those of services: a client that names one means somebody else's (RFC 2577 section 3). */
const LEAST_PORT = 1024;

/**
 * The control connection of a proxy, behind the hand-over: PBSZ and PROT are ours, and the data connections are.
 * Towards the upstream every one of them is passive: PASV, or EPSV where it has an IPv6 address.
 */
export class FtpSession implements Follower {
  /** Names of files are longer than commands; RFC 959 sets no limit. */
  readonly lineLimit = 8192;
  readonly #session: FollowedSession;
  readonly #replies = new FtpReplies();
  readonly #exchanges: Exchange[] = [];
  /** Which of them the reply under way belongs to. */
  #answered = 0;
  /** A command that came too early. */
  #early: string | undefined;
  #sized = false;
  #protected = false;
  /** Whether EPSV ALL was said (RFC 2428 section 4). */
  #onlyExtended = false;
  /** Whether a data connection is agreed on and not used. */
  #agreed = false;
  #over = false;

  constructor(session: FollowedSession) {
    this.#session = session;
  }

  /** One command at a time: else an answer of ours could overtake one of the upstream's. */
  get ready(): boolean {
    return this.#early === undefined;
  }

  get idle(): boolean {
    return this.#exchanges.length === 0;
  }

  get over(): boolean {
    return this.#over;
  }

  command(line: string): readonly Move[] {
    // What Telnet puts before an ABOR (RFC 959 section 4.1.3): IAC IP, IAC DM. As urgent data the DM does not arrive.
    const plain = line.replace(/^(\xff[\xf2\xf4]?)+/, '');
    const { verb, argument } = splitCommand(plain);
    if (this.#exchanges.length === 0) return this.#execute(plain, verb, argument);
    if (this.#transfer !== undefined && this.#exchanges.length === 1) {
      if (verb === 'ABOR') return this.#abort();
      if (verb === 'STAT') return this.#forward(plain, { kind: 'status' });
    }
    this.#early = line;
    return [];
  }

  answer(line: string): readonly Move[] {
    if (this.#replies.code === undefined) this.#answered = this.#addressee(line);
    const target = this.#exchanges[this.#answered];
    // Replies that nobody has to understand pass line by line: STAT can list a directory.
    const passes = target === undefined || target.kind === 'plain' || target.kind === 'status';
    const whole = this.#replies.add(line, { keep: !passes });
    const moves: Move[] = passes ? [say(`${line}\r\n`)] : [];
    if (whole === undefined) return moves;
    this.#over ||= whole.code === 221 || whole.code === 421;
    return [...moves, ...this.#complete(target, whole), ...this.#next()];
  }

  listening(port: number | undefined): readonly Move[] {
    const [exchange] = this.#exchanges;
    if (exchange?.kind !== 'passive') return [];
    this.#exchanges.shift();
    this.#agreed = port !== undefined;
    return [say(this.#passiveReply(exchange.extended, port)), ...this.#next()];
  }

  transferred(end: TransferEnd): readonly Move[] {
    const transfer = this.#transfer;
    if (transfer === undefined) return [];
    transfer.end = end;
    return transfer.final === undefined ? [] : [...this.#conclude(transfer, transfer.final), ...this.#next()];
  }

  get #transfer(): TransferExchange | undefined {
    const [first] = this.#exchanges;
    return first?.kind === 'transfer' ? first : undefined;
  }

  /** STAT is answered while the transfer goes on (RFC 959 section 4.1.3); all else in order. */
  #addressee(line: string): number {
    const status = this.#exchanges.findIndex(({ kind }) => kind === 'status');
    return status > 0 && /^21[123]/.test(line) ? status : 0;
  }

  #execute(line: string, verb: string, argument: string): readonly Move[] {
    const sender = TRANSFERS.get(verb);
    if (sender !== undefined) return this.#begin(line, sender);
    switch (verb) {
      case 'PASV':
      case 'EPSV':
        return this.#passive(verb, argument.toUpperCase());
      case 'PORT':
      case 'EPRT':
        return this.#active(verb, argument);
      case 'FEAT':
        return this.#forward(line, { kind: 'features' });
      case 'AUTH':
      case 'PBSZ':
      case 'PROT':
      case 'CCC':
        return [say(this.#protection(verb, argument))];
      case 'REIN':
        // RFC 4217 section 11 has it end TLS; what follows would be open to injection.
        if (this.#session.secure) return [say(reply(502, 'TLS stays on'))];
        return this.#forward(line, { kind: 'plain' });
      case 'LPRT':
      case 'LPSV':
      case 'SPSV':
      case 'CPSV':
      case 'SSCN':
        // Data connections that would go past us (RFC 1639), or have another TLS.
        return [say(reply(502, `No ${verb} here: say EPSV or EPRT`))];
      default:
        return this.#forward(line, { kind: 'plain' });
    }
  }

  #protection(verb: string, argument: string): string {
    const { secure, policy } = this.#session;
    if (verb === 'AUTH') return secure ? reply(503, 'TLS is already on') : reply(534, 'Too late for TLS');
    if (verb === 'CCC') return secure ? reply(534, 'TLS stays on') : reply(533, 'TLS is not on');
    if (verb === 'PBSZ') {
      const answer = bufferSizeAnswer(secure, argument);
      this.#sized ||= answer[0] === 200;
      return reply(...answer);
    }
    const answer = protectionAnswer(this.#sized, argument);
    if (answer[0] !== 200) return reply(...answer);
    const clear = argument.toUpperCase() === 'C';
    if (clear && policy === 'required') return reply(534, 'Data needs TLS: say PROT P');
    this.#protected = !clear;
    return reply(...answer);
  }

  #passive(verb: 'PASV' | 'EPSV', argument: string): readonly Move[] {
    const { client, announced } = this.#session;
    const extended = verb === 'EPSV';
    if (extended && argument === 'ALL') {
      this.#onlyExtended = true;
      return [say(reply(200, 'Only EPSV from now on'))];
    }
    if (!extended && this.#onlyExtended) return [say(ONLY_EXTENDED)];
    if (client === undefined) return [say(NO_DATA)];
    const family = familyOf(client);
    if (extended ? !['', family].includes(argument) : family === '2') return [say(otherFamily(family))];
    // A PROXY header can name a client of a family that cannot reach us.
    if (familyOf(announced) !== family) return [say(NO_DATA)];
    return this.#agree({ kind: 'passive', extended });
  }

  /** Only to the client itself: to others it would be a bounce (CVE-1999-0017). */
  #active(verb: 'PORT' | 'EPRT', argument: string): readonly Move[] {
    const { client } = this.#session;
    if (this.#onlyExtended) return [say(ONLY_EXTENDED)];
    if (client === undefined) return [say(NO_DATA)];
    const given = verb === 'PORT' ? parsePort(argument) : parseExtendedPort(argument);
    if (given === undefined) return [say(reply(501, `${verb} needs an address and a port`))];
    const family = 'family' in given ? given.family : '1';
    if (family !== familyOf(client)) return [say(otherFamily(familyOf(client)))];
    const { address, port } = given;
    const own = isSameAddress(address, client) || isUnspecified(address);
    if (!own || port < LEAST_PORT || port > 65_535) {
      return [say(reply(500, `${verb} only to your own address, from port ${LEAST_PORT}`))];
    }
    return this.#agree({ kind: 'active', port, verb });
  }

  #agree(exchange: Exchange): readonly Move[] {
    const { upstream } = this.#session;
    if (upstream === undefined) return [say(NO_DATA)];
    this.#agreed = false;
    const moves = this.#forward(familyOf(upstream) === '2' ? 'EPSV' : 'PASV', exchange);
    return [{ kind: 'drop' }, ...moves];
  }

  #begin(line: string, sender: 'client' | 'upstream'): readonly Move[] {
    const { policy } = this.#session;
    if (policy === 'required' && !this.#protected) return [say(reply(521, 'Data needs TLS: say PROT P'))];
    if (!this.#agreed) return [say(reply(425, 'Say PASV, EPSV, PORT or EPRT first'))];
    this.#agreed = false;
    const moves = this.#forward(line, { kind: 'transfer' });
    return [...moves, { kind: 'transfer', transfer: { secure: this.#protected, sender } }];
  }

  /** An upstream that does not listen while it sends notices that its data connection has gone. */
  #abort(): readonly Move[] {
    const transfer = this.#transfer;
    if (transfer?.end === 'complete') return this.#forward('ABOR', { kind: 'plain' });
    if (transfer !== undefined) transfer.end = 'broken';
    return [{ kind: 'drop' }, ...this.#forward('ABOR', { kind: 'plain' })];
  }

  #forward(line: string, exchange: Exchange): readonly Move[] {
    this.#exchanges.push(exchange);
    return [{ kind: 'forward', text: `${line}\r\n` }];
  }

  /** What came early may go now. */
  #next(): readonly Move[] {
    const early = this.#early;
    if (early === undefined || this.#exchanges.length > 0) return [];
    this.#early = undefined;
    return this.command(early);
  }

  #complete(exchange: Exchange | undefined, whole: FtpReply): readonly Move[] {
    if (exchange === undefined) return [];
    const { code, text } = whole;
    const preliminary = code < 200;
    if (exchange.kind === 'transfer') {
      if (preliminary) return [say(text), { kind: 'proceed' }];
      exchange.final = text;
      if (code < 300 && exchange.end === undefined) return [];
      return this.#conclude(exchange, text);
    }
    if (preliminary) return exchange.kind === 'plain' || exchange.kind === 'status' ? [] : [say(text)];
    if (exchange.kind === 'passive' || exchange.kind === 'active') return this.#agreement(exchange, whole);
    this.#exchanges.splice(this.#answered, 1);
    if (exchange.kind !== 'features') return [];
    const ours = this.#session.secure ? ['PBSZ', 'PROT'] : [];
    return [say(featureList([...ours, ...theirFeatures(code, whole.lines)]))];
  }

  #agreement(
    exchange: Extract<Exchange, { kind: 'passive' | 'active' }>,
    { code, text }: FtpReply,
  ): readonly Move[] {
    const upstreamPort = parsePassivePort(code, text);
    if (upstreamPort !== undefined && exchange.kind === 'passive') {
      // The exchange goes on until we listen.
      return [{ kind: 'open', connection: { mode: 'passive', upstreamPort } }];
    }
    this.#exchanges.shift();
    if (upstreamPort === undefined || exchange.kind === 'passive') {
      return [say(code >= 400 ? text : reply(425, 'No data connection to be had'))];
    }
    this.#agreed = true;
    const { port, verb } = exchange;
    return [
      { kind: 'open', connection: { mode: 'active', upstreamPort, port } },
      say(reply(200, `${verb} done`)),
    ];
  }

  #passiveReply(extended: boolean, port: number | undefined): string {
    const { announced } = this.#session;
    if (port === undefined) return reply(425, 'No port is free for a data connection');
    if (extended) return reply(229, `Entering Extended Passive Mode (|||${port}|)`);
    return reply(227, `Entering Passive Mode (${passiveNumbers({ address: announced, port })})`);
  }

  /** A transfer is over when the upstream has said so and the data has come to its end. */
  #conclude(transfer: TransferExchange, final: string): readonly Move[] {
    const { end } = transfer;
    this.#exchanges.shift();
    if (end === 'complete') return [say(final)];
    const failed = !final.startsWith('2');
    if (end === 'insecure') return [say(reply(522, 'Data connection without TLS')), { kind: 'drop' }];
    if (end === 'absent') return [say(reply(425, 'Data connection did not come')), { kind: 'drop' }];
    return [say(failed ? final : reply(426, 'Data connection broke off')), { kind: 'drop' }];
  }
}

const ONLY_EXTENDED = reply(503, 'EPSV ALL was said');
const NO_DATA = reply(425, 'No data connections here');

/** RFC 2428 section 2: the family that we take. */
function otherFamily(family: '1' | '2'): string {
  return reply(522, `Network protocol not supported, use (${family})`);
}

function say(text: string): Move {
  return { kind: 'reply', text };
}
