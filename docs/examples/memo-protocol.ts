// The worked example of docs/guide/writing-a-protocol.md: a protocol of one's own, as a dialogue.
//   npx tsx docs/examples/memo-protocol.ts
import {
  createServer,
  type Dialogue,
  developmentCertificate,
  type ErrorCode,
  fromUpstream,
  listedCapabilities,
  mayHandOver,
  mayUpgrade,
  needsTls,
  type Peer,
  type Protocol,
  SallyportError,
  type Scene,
  type Step,
  splitCommand,
} from 'sallyport';

/** Memo: a command is a word and its argument, a reply is one line that begins with a number. */
export const memo: Protocol = {
  name: 'memo',
  // s_client has no name for it; its smtp reads a greeting, says EHLO and STARTTLS, and goes by no reply.
  sClientName: 'smtp',
  port: 7382,
  speaksFirst: 'server',
  specifications: [],
  server: memoServer,
  proxy: (client, upstream, scene) => memoServer(client, scene, upstream),
  probe: memoProbe,
  farewell: memoFarewell,
};

/** Bytes of a command line, its end included. */
const LINE_LIMIT = 512;

/** The server, and with an upstream the proxy: what is not about TLS is for the upstream to answer. */
function* memoServer(client: Peer, scene: Scene, upstream?: Peer): Dialogue {
  if (!client.upgraded) client.write(`200 ${scene.hostname} memo ready\r\n`);
  if (client.secure && scene.application && upstream === undefined) return 'handOver';
  for (;;) {
    const line = yield* client.command(LINE_LIMIT);
    const { verb, argument } = splitCommand(line);
    if (verb === 'STARTTLS') {
      const refused = upgradeRefusal(client, scene, argument);
      if (refused === undefined) return yield* client.startTls('220 Begin TLS\r\n');
      client.reject(`${refused}\r\n`);
    } else if (verb === 'FEATURES') {
      const theirs =
        upstream && mayHandOver(client, scene) ? yield* featuresOf(upstream) : scene.capabilities;
      client.write(`210 ${features(client, scene, theirs)}\r\n`);
    } else if (verb === 'QUIT') {
      client.write('205 Bye\r\n');
      return 'close';
    } else if (mayHandOver(client, scene)) {
      if (upstream) yield* receiveGreeting(upstream);
      client.unread(`${line}\r\n`);
      return 'handOver';
    } else if (needsTls(client, scene)) client.reject('530 TLS required: say STARTTLS first\r\n');
    else client.reject('502 No memo service behind this server\r\n');
  }
}

function upgradeRefusal(client: Peer, scene: Scene, argument: string): string | undefined {
  if (argument !== '') return '501 STARTTLS takes no argument';
  if (client.secure) return '503 TLS is already on';
  return scene.available() ? undefined : '454 TLS not available for now';
}

/** What would have a client send its password is left out where that is refused for want of TLS. */
function features(client: Peer, scene: Scene, capabilities: readonly string[]): string {
  const offer = mayUpgrade(client, scene) ? ['STARTTLS'] : [];
  const listed = [...offer, ...listedCapabilities(client, { ...scene, capabilities }, /^LOGIN$/)];
  return listed.length === 0 ? 'none' : listed.join(' ');
}

/** The upstream's features without its own offer of TLS: that is between it and us. */
function* featuresOf(upstream: Peer): Step<readonly string[]> {
  yield* receiveGreeting(upstream);
  upstream.write('FEATURES\r\n');
  const [, ...listed] = (yield* fromUpstream(expectReply(upstream, '210', 'ERR_UNEXPECTED_REPLY'))).split(
    ' ',
  );
  return listed.filter(feature => feature !== 'STARTTLS' && feature !== 'none');
}

/** The client has had our greeting, so the upstream's is dropped. */
function* receiveGreeting(upstream: Peer): Step<void> {
  yield* upstream.connection();
  if (!upstream.greeted) yield* fromUpstream(expectReply(upstream, '200', 'ERR_UNEXPECTED_REPLY'));
  upstream.greeted = true;
}

/** Up to the features under TLS: those from before are forgotten. */
function* memoProbe(plain: Peer): Dialogue {
  yield* expectReply(plain, '200', 'ERR_UNEXPECTED_REPLY');
  plain.write('FEATURES\r\n');
  const offered = yield* expectReply(plain, '210', 'ERR_UNEXPECTED_REPLY');
  if (!offered.split(' ').includes('STARTTLS')) throw new SallyportError('ERR_TLS_NOT_OFFERED');
  plain.write('STARTTLS\r\n');
  yield* expectReply(plain, '220', 'ERR_TLS_REFUSED');
  const secure = yield* plain.connectTls();
  secure.write('FEATURES\r\n');
  yield* expectReply(secure, '210', 'ERR_UNEXPECTED_REPLY');
  return 'handOver';
}

function* expectReply(server: Peer, number: string, otherwise: ErrorCode): Step<string> {
  const line = yield* server.line(LINE_LIMIT);
  if (!line.startsWith(`${number} `)) throw new SallyportError(otherwise, 'another number');
  return line;
}

function memoFarewell({ code, summary }: SallyportError): string | undefined {
  if (code === 'ERR_PEER_CLOSED' || code === 'ERR_CLIENT_HELLO') return undefined;
  return `421 ${summary}\r\n`;
}

if (process.argv[1] === import.meta.filename) {
  const { caFile, ...certificate } = await developmentCertificate();
  const { port } = await createServer({ protocol: memo, certificate }).listen({ port: memo.port });
  process.stdout.write(`openssl s_client -starttls smtp -connect localhost:${port} -CAfile ${caFile}\n`);
}
