import { encodeBlock, readBlock } from '../src/dialogue/block.ts';
import { fromUpstream } from '../src/dialogue/from-upstream.ts';
import type { Dialogue, Peer, Step } from '../src/dialogue/peer.ts';
import {
  listedCapabilities,
  mayHandOver,
  mayUpgrade,
  needsTls,
  type Protocol,
  type Scene,
} from '../src/dialogue/protocol.ts';
import { expectReply, readReply, reply } from '../src/dialogue/reply.ts';
import { SallyportError } from '../src/errors.ts';
import { nntpAudit } from './nntp-audit.ts';

/** NNTP (RFC 3977) with STARTTLS (RFC 4642), towards a reader. */
export const nntp: Protocol = {
  name: 'nntp',
  port: 119,
  implicitPort: 563,
  alpn: ['nntp'],
  speaksFirst: 'server',
  specifications: ['RFC 4642', 'RFC 8143', 'RFC 3977', 'RFC 4643', 'RFC 4644'],
  server: nntpServer,
  proxy: (client, upstream, scene) => nntpServer(client, scene, upstream),
  probe: nntpProbe,
  farewell: nntpFarewell,
  audit: nntpAudit,
};

/** RFC 3977 section 3.1: a command line, its CRLF included. */
const LINE_LIMIT = 512;

/** RFC 4642 section 2.2.1. */
const NOT_NOW = reply(580, 'TLS not available for now');

/** With an upstream, that answers what depends on it, with our offer of TLS in place of its own. */
function* nntpServer(client: Peer, scene: Scene, upstream?: Peer): Dialogue {
  // Not 201: gnutls-cli and nmap wait for 200.
  if (!client.upgraded) client.write(reply(200, `${scene.hostname} NNTP ready`));
  if (client.secure && scene.application && upstream === undefined) return 'handOver';
  const service = mayHandOver(client, scene) ? upstream : undefined;
  for (;;) {
    const line = yield* client.command(LINE_LIMIT);
    const [keyword = '', ...parameters] = line.trim().split(/[ \t]+/);
    const command = commandOf(keyword, parameters);
    if (!DIALOGUE.test(command)) {
      if (mayHandOver(client, scene)) {
        if (service !== undefined && !(yield* receiveGreeting(client, service))) return 'close';
        client.unread(`${line}\r\n`);
        return 'handOver';
      }
      refuse(client, scene, command);
    } else if (parameters.length > 0 && command !== 'CAPABILITIES' && command !== 'MODE READER') {
      client.reject(reply(501, 'No argument expected'));
    } else if (command === 'STARTTLS') {
      if (client.secure) client.reject(reply(502, 'TLS is already on'));
      else if (!scene.available()) client.reject(NOT_NOW);
      else yield* client.startTls(reply(382, 'Continue with TLS negotiation'), { refusal: NOT_NOW });
    } else if (service !== undefined && FORWARDED.test(command)) {
      if (!(yield* receiveGreeting(client, service))) return 'close';
      yield* forward(client, service, scene, line);
    } else if (command === 'CAPABILITIES') client.write(block(101, 'Capability list', listed(client, scene)));
    else if (command === 'HELP') client.write(block(100, 'Help follows', HELP));
    else if (command === 'MODE READER') client.write(reply(200, 'Reader mode'));
    else {
      client.write(reply(205, `${scene.hostname} closing connection`));
      return 'close';
    }
  }
}

/**
 * RFC 4642 section 2.1: clients say MODE READER before STARTTLS as well. A server that lists READER has no
 * modes (RFC 3977 section 5.3), so the answer is ours.
 */
const DIALOGUE = /^(STARTTLS|CAPABILITIES|HELP|MODE READER|QUIT)$/;

/** What an upstream answers: MODE READER, too, as there it may choose what serves the client (RFC 3977 section 5.3). */
const FORWARDED = /^(CAPABILITIES|MODE READER)$/;

const HELP = ['Commands: CAPABILITIES, HELP, MODE READER, QUIT, STARTTLS'];

function commandOf(keyword: string, parameters: readonly string[]): string {
  const command = keyword.toUpperCase();
  const reader = command === 'MODE' && parameters.length === 1 && /^READER$/i.test(parameters[0] ?? '');
  return reader ? 'MODE READER' : command;
}

/** RFC 3977 section 5.2.2: VERSION is first. No way to log in is listed where TLS is required for it. */
function listed(client: Peer, scene: Scene): readonly string[] {
  const offer = mayUpgrade(client, scene) ? ['STARTTLS'] : [];
  const theirs = listedCapabilities(client, scene, LOGIN);
  return [...new Set(['VERSION 2', 'READER', ...offer, ...theirs])];
}

const LOGIN = /^(AUTHINFO|SASL)\b/i;

function block(code: number, title: string, lines: readonly string[]): string {
  return `${reply(code, title)}${encodeBlock(lines)}`;
}

/** The client has had our greeting; one that turns us away is the upstream's answer to the client as well. */
function* receiveGreeting(client: Peer, upstream: Peer): Step<boolean> {
  yield* upstream.connection();
  if (upstream.greeted) return true;
  const { code, lines } = yield* fromUpstream(readReply(upstream));
  upstream.greeted = code === 200 || code === 201;
  if (!upstream.greeted) client.write(reply(code, ...lines));
  return upstream.greeted;
}

/** An upstream that lists nothing is older than capabilities: then the list is nothing but our offer. */
function* forward(client: Peer, upstream: Peer, scene: Scene, line: string): Step<void> {
  upstream.write(`${line}\r\n`);
  const { code, lines } = yield* fromUpstream(readReply(upstream));
  const offer = /^CAPABILITIES/i.test(line) && mayUpgrade(client, scene) ? ['STARTTLS'] : [];
  if (code === 101) {
    const [version = 'VERSION 2', ...listed] = yield* fromUpstream(readBlock(upstream));
    const kept = listed.filter(label => !/^STARTTLS\b/i.test(label));
    client.write(block(code, 'Capability list', [version, ...offer, ...kept]));
  } else if (offer.length > 0) client.write(block(101, 'Capability list', ['VERSION 2', ...offer]));
  else client.write(reply(code, ...lines));
}

/** What needs a news service behind the dialogue, in RFC 3977, 4643, 4644, 6048 and 8054. */
const SERVICE =
  /^(ARTICLE|AUTHINFO|BODY|CHECK|COMPRESS|DATE|GROUP|HDR|HEAD|IHAVE|LAST|LIST|LISTGROUP|MODE|NEWGROUPS|NEWNEWS|NEXT|OVER|POST|STAT|TAKETHIS|XHDR|XOVER|XPAT)$/;

/** RFC 4642 section 2.2.2: 483 where TLS is required, but never to STARTTLS. */
function refuse(client: Peer, scene: Scene, command: string): void {
  if (needsTls(client, scene)) client.reject(reply(483, 'TLS required: say STARTTLS first'));
  else if (SERVICE.test(command)) client.reject(reply(503, 'No news service behind this server'));
  else client.reject(reply(500, 'Command not recognized'));
  // RFC 4644 section 2.5: the article follows without being asked for; no line of it is a command.
  if (command === 'TAKETHIS') throw new SallyportError('ERR_BAD_SYNTAX', 'TAKETHIS is not offered');
}

/** Up to the capabilities under TLS (RFC 4642 section 2.2.2: those from before are forgotten). */
function* nntpProbe(plain: Peer): Dialogue {
  const greeting = yield* readReply(plain);
  // 201: posting is prohibited, which is not about TLS.
  if (greeting.code !== 200 && greeting.code !== 201) {
    throw new SallyportError('ERR_UNEXPECTED_REPLY', `${greeting.code} instead of 200`);
  }
  plain.write('CAPABILITIES\r\n');
  const { code } = yield* readReply(plain);
  const offered = code === 101 ? yield* readBlock(plain) : [];
  if (!offered.some(label => /^STARTTLS *$/i.test(label))) throw new SallyportError('ERR_TLS_NOT_OFFERED');
  plain.write('STARTTLS\r\n');
  yield* expectReply(plain, 382, 'ERR_TLS_REFUSED');
  const secure = yield* plain.connectTls();
  secure.write('CAPABILITIES\r\n');
  yield* expectReply(secure, 101);
  yield* readBlock(secure);
  return 'handOver';
}

/** RFC 3977 section 3.1: a client that was quiet for too long is sent nothing. */
const SILENT = /^ERR_(PEER_CLOSED|CLIENT_HELLO|COMMAND_TIMEOUT|IDLE_TIMEOUT)$/;

/** RFC 3977 section 3.2.1: 400, whatever the reason, as only this code says that the server closes. */
function nntpFarewell({ code, summary }: SallyportError, scene: Scene): string | undefined {
  return SILENT.test(code) ? undefined : reply(400, `${scene.hostname} ${summary}`);
}
