import { splitCommand } from '../src/dialogue/command.ts';
import { fromUpstream } from '../src/dialogue/from-upstream.ts';
import type { Dialogue, Peer, Step } from '../src/dialogue/peer.ts';
import { mayHandOver, mayUpgrade, needsTls, type Protocol, type Scene } from '../src/dialogue/protocol.ts';
import { expectReply, readReply, reply } from '../src/dialogue/reply.ts';
import { type ErrorCode, SallyportError } from '../src/errors.ts';
import { ftpAudit } from './ftp-audit.ts';
import {
  type Answer,
  bufferSizeAnswer,
  featureList,
  protectionAnswer,
  theirFeatures,
} from './ftp-protection.ts';
import { FtpSession } from './ftp-session.ts';

/** FTP (RFC 959) with AUTH TLS (RFC 4217): its control connection, and in a proxy the data connections as well. */
export const ftp: Protocol = {
  name: 'ftp',
  port: 21,
  implicitPort: 990,
  alpn: ['ftp'],
  speaksFirst: 'server',
  specifications: ['RFC 4217', 'RFC 2228', 'RFC 2389', 'RFC 2428', 'RFC 959'],
  server: ftpServer,
  proxy: (client, upstream, scene) => ftpServer(client, scene, upstream),
  follow: session => new FtpSession(session),
  probe: ftpProbe,
  farewell: ftpFarewell,
  audit: ftpAudit,
};

/** RFC 959 sets no limit. */
const LINE_LIMIT = 1024;

/** RFC 2228 section 3. */
const NOT_NOW = reply(431, 'TLS not available for now');

/** With an upstream, its features are listed, with ours in place of those that are about TLS. */
function* ftpServer(client: Peer, scene: Scene, upstream?: Peer): Dialogue {
  if (!client.upgraded) client.write(reply(220, `${scene.hostname} FTP ready`));
  if (client.secure && scene.application && upstream === undefined) return 'handOver';
  let sized = false;
  for (;;) {
    const line = yield* client.command(LINE_LIMIT);
    const { verb, argument } = splitCommand(line);
    switch (verb) {
      case 'AUTH': {
        const refused = authRefusal(client, scene, argument);
        if (refused !== undefined) client.reject(refused);
        else yield* client.startTls(reply(234, 'Begin TLS'), { refusal: NOT_NOW });
        break;
      }
      case 'PBSZ':
        // What is agreed on about the data connections is agreed on with who has them.
        if (upstream !== undefined && client.secure) return yield* handOver(client, upstream, line);
        sized = answer(client, bufferSizeAnswer(client.secure, argument)) || sized;
        break;
      case 'PROT':
        answer(client, protectionAnswer(sized, argument));
        break;
      case 'CCC':
        client.reject(client.secure ? reply(534, 'TLS stays on') : reply(533, 'TLS is not on'));
        break;
      case 'FEAT':
        if (upstream === undefined || !mayHandOver(client, scene)) client.write(features(client, scene));
        else if (yield* receiveGreeting(client, upstream)) yield* forwardFeat(client, upstream, scene);
        else return 'close';
        break;
      case 'NOOP':
        client.write(reply(200, 'NOOP done'));
        break;
      case 'QUIT':
        client.write(reply(221, `${scene.hostname} closing connection`));
        return 'close';
      default:
        if (mayHandOver(client, scene)) return yield* handOver(client, upstream, line);
        serve(client, scene, verb);
    }
  }
}

function* handOver(client: Peer, upstream: Peer | undefined, line: string): Dialogue {
  if (upstream !== undefined && !(yield* receiveGreeting(client, upstream))) return 'close';
  client.unread(`${line}\r\n`);
  return 'handOver';
}

/** The mechanisms of RFC 4217 section 4, and the one that curl tries first. */
const MECHANISMS = /^(TLS|TLS-C|SSL)$/i;

function authRefusal(client: Peer, scene: Scene, mechanism: string): string | undefined {
  if (mechanism === '') return reply(501, 'AUTH needs a mechanism');
  if (!MECHANISMS.test(mechanism)) return reply(504, 'Mechanism not known: say AUTH TLS');
  if (client.secure) return reply(503, 'TLS is already on');
  if (!scene.available()) return NOT_NOW;
  return undefined;
}

function answer(client: Peer, [code, text]: Answer): boolean {
  if (code === 200) client.write(reply(code, text));
  else client.reject(reply(code, text));
  return code === 200;
}

function features(client: Peer, scene: Scene, theirs = scene.capabilities): string {
  const offered = mayUpgrade(client, scene) ? ['AUTH TLS'] : [];
  const protection = client.secure || offered.length > 0 ? ['PBSZ', 'PROT'] : [];
  return featureList([...offered, ...protection, ...theirs]);
}

/**
 * The client has had our greeting; one that turns us away is the upstream's answer to the client as well. 120
 * comes before the greeting (RFC 959 section 5.4).
 */
function* receiveGreeting(client: Peer, upstream: Peer): Step<boolean> {
  yield* upstream.connection();
  if (upstream.greeted) return true;
  let greeting = yield* fromUpstream(readReply(upstream));
  if (greeting.code === 120) greeting = yield* fromUpstream(readReply(upstream));
  upstream.greeted = greeting.code === 220;
  if (!upstream.greeted) client.write(reply(greeting.code, ...greeting.lines));
  return upstream.greeted;
}

/** An upstream without FEAT (RFC 2389 section 3.2) has no features but ours. */
function* forwardFeat(client: Peer, upstream: Peer, scene: Scene): Step<void> {
  upstream.write('FEAT\r\n');
  const { code, lines } = yield* fromUpstream(readReply(upstream));
  client.write(features(client, scene, theirFeatures(code, lines)));
}

/** What needs a file service behind the dialogue, in RFC 959, 2389, 2428, 2640, 3659 and 7151. */
const SERVICE =
  /^(ABOR|ACCT|ALLO|APPE|CDUP|CWD|DELE|EPRT|EPSV|HOST|LANG|LIST|MDTM|MKD|MLSD|MLST|MODE|NLST|PASV|PORT|PWD|REST|RETR|RMD|RNFR|RNTO|SITE|SIZE|SMNT|STAT|STOR|STOU|STRU|TYPE)$/;

function serve(client: Peer, scene: Scene, verb: string): void {
  if (verb === 'HELP') client.write(reply(214, 'Commands: AUTH PBSZ PROT FEAT SYST NOOP HELP QUIT'));
  else if (verb === 'SYST') client.write(reply(215, 'UNIX Type: L8'));
  else if (needsTls(client, scene)) client.reject(reply(530, 'TLS required: say AUTH TLS first'));
  else if (verb === 'USER' || verb === 'PASS')
    client.reject(reply(530, 'No file service behind this server'));
  // RFC 4217 section 11 has REIN end TLS; what follows would be open to injection.
  else if (verb === 'REIN' && client.secure) client.reject(reply(502, 'TLS stays on'));
  else if (verb === 'OPTS') client.reject(reply(501, 'No options here'));
  else if (SERVICE.test(verb)) client.reject(reply(502, 'No file service behind this server'));
  else client.reject(reply(500, 'Command not recognized'));
}

/** Up to a protected data channel agreed on (RFC 4217 section 9). */
function* ftpProbe(plain: Peer): Dialogue {
  yield* expectReply(plain, 220);
  plain.write('FEAT\r\n');
  const { code, lines } = yield* readReply(plain);
  if (code !== 211 || !lines.some(line => OFFER.test(line))) throw new SallyportError('ERR_TLS_NOT_OFFERED');
  plain.write('AUTH TLS\r\n');
  yield* expectReply(plain, 234, 'ERR_TLS_REFUSED');
  const secure = yield* plain.connectTls();
  secure.write('PBSZ 0\r\n');
  yield* expectReply(secure, 200);
  return 'handOver';
}

/** Mechanisms are listed with semicolons or blanks between them: `AUTH SSL;TLS;`. */
const OFFER = /^ *AUTH +(\S+[; ])?TLS(-C)?([; ]|$)/i;

const FAREWELLS: { readonly [code in ErrorCode]?: number } = {
  ERR_PLAINTEXT_AFTER_UPGRADE: 503,
  ERR_LINE_TOO_LONG: 500,
  ERR_BAD_LINE: 500,
  ERR_HTTP_REQUEST: 500,
};

/** RFC 959 section 4.2: 421 for a control connection that the server closes. */
function ftpFarewell(error: SallyportError, scene: Scene): string | undefined {
  if (error.code === 'ERR_PEER_CLOSED' || error.code === 'ERR_CLIENT_HELLO') return undefined;
  return reply(FAREWELLS[error.code] ?? 421, `${scene.hostname} ${error.summary}`);
}
