import { expect } from 'chai';
import { protocols } from '../../protocol/index.ts';
import type { Protocol } from '../../src/dialogue/protocol.ts';
import { serving, stopServing } from '../support/serving.ts';
import { atGoAhead, underTls } from '../support/speak.ts';

/** What the IANA registry has of these; nothing else may be negotiated ("TLS ALPN Protocol IDs"). */
const REGISTERED: Readonly<Record<string, string>> = {
  pop3: 'pop3',
  imap: 'imap',
  ftp: 'ftp',
  irc: 'irc',
  nntp: 'nntp',
  sieve: 'managesieve',
  xmpp: 'xmpp-client',
  'xmpp-server': 'xmpp-server',
  postgres: 'postgresql',
  http: 'http/1.1',
};

const here = async (protocol: Protocol) =>
  serving(protocol, {}, session => session.writeLine(`here ${session.tls?.alpn}`));

describe('ALPN', () => {
  afterEach(stopServing);

  for (const protocol of protocols) {
    const own = REGISTERED[protocol.name];

    it(`is by the registry: ${protocol.name}`, () => {
      expect(protocol.alpn).to.deep.equal(own === undefined ? undefined : [own]);
    });

    it(`is not asked of a client that offers none: ${protocol.name}`, async () => {
      const { connect } = await here(protocol);
      await (await underTls(await connect(), protocol)).until('here undefined\r\n');
    });

    if (own === undefined) {
      it(`is not negotiated where there is no id: ${protocol.name}`, async () => {
        const { connect } = await here(protocol);
        const client = await underTls(await connect(), protocol, { ALPNProtocols: ['mqtt'] });
        await client.until('here undefined\r\n');
      });
      continue;
    }

    it(`agrees on the protocol's own among several: ${protocol.name}`, async () => {
      const { connect } = await here(protocol);
      const client = await underTls(await connect(), protocol, { ALPNProtocols: ['mqtt', own] });
      await client.until(`here ${own}\r\n`);
    });

    it(`ends a client that offers only others, with no_application_protocol: ${protocol.name}`, async () => {
      const { connect, over } = await here(protocol);
      const client = await atGoAhead(await connect(), protocol);
      const refused = await client.startTls({ ALPNProtocols: ['h2', 'mqtt'] }).catch(error => error);
      expect(refused).to.include({ code: 'ERR_SSL_TLSV1_ALERT_NO_APPLICATION_PROTOCOL' });
      expect((await over(1))[0]?.error?.code).to.equal('ERR_HANDSHAKE_ALPN');
    });
  }
});
