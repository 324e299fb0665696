import { expect } from 'chai';
import { protocols } from '../../protocol/index.ts';
import type { Protocol } from '../../src/dialogue/protocol.ts';
import type { Certificate } from '../../src/options.ts';
import type { ProbeResult } from '../../src/probe/probe-result.ts';
import { probe } from '../../src/probe.ts';
import { atOnce } from '../boundary/at-once.ts';
import { issue } from '../support/faulty/certificates.ts';
import { plainUpstream, proxying, stopUpstreams } from '../support/proxying.ts';
import { serving, stopServing } from '../support/serving.ts';

/**
 * What a plain server says at first and to everything, where nothing of the dialogue goes on under TLS: there the
 * second upgrade reaches the upstream, which must not be one that takes it.
 */
const PLAIN: Readonly<Record<string, { readonly greeting: string; answer(asked: string): string }>> = {
  http: { greeting: '', answer: () => 'HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n' },
  line: {
    greeting: 'OK ready\r\n',
    answer: asked => (asked === 'HELP\r\n' ? 'OK HELP\r\n' : 'ERR not known\r\n'),
  },
};

describe('probe of our own proxies', () => {
  const results = new Map<string, ProbeResult>();

  before(async () => {
    const root = await issue({ name: 'Root', authority: true });
    const certificate: Certificate = await issue({}, root);
    await atOnce(protocols.length, protocols, async protocol => {
      const upstream = await plainOrOptional(protocol, certificate);
      const { port } = await proxying(protocol, upstream.port, { certificate, hostname: 'localhost' });
      const target = { protocol, implicit: false, address: { host: '127.0.0.1', port } };
      results.set(protocol.name, await probe(target, { ca: root.cert, servername: 'localhost' }));
    });
  }).timeout(60_000);
  after(async () => {
    await stopServing();
    stopUpstreams();
  });

  for (const { name } of protocols) {
    it(`finds nothing in ${name}`, () => {
      const result = results.get(name);
      expect(result?.findings.map(({ check, detail }) => `${check}: ${detail}`)).to.deep.equal([]);
      expect(result?.verdict).to.equal('sound');
    });
  }
});

async function plainOrOptional(protocol: Protocol, certificate: Certificate): Promise<{ port: number }> {
  const plain = PLAIN[protocol.name];
  if (plain === undefined) return serving(protocol, { certificate, tls: 'optional' });
  return plainUpstream(socket => {
    socket.write(plain.greeting);
    socket.on('data', asked => socket.write(plain.answer(asked.toString('latin1'))));
  });
}
