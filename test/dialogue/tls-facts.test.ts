import { expect } from 'chai';
import { line } from '../../protocol/line.ts';
import { telnet } from '../../protocol/telnet.ts';
import { listTlsFacts, type TlsFacts } from '../../src/dialogue/tls-facts.ts';
import { Stage, TLS } from '../support/stage.ts';

const everything: TlsFacts = {
  ...TLS,
  group: 'X25519MLKEM768',
  servername: 'ev\x1bil\r\nOK',
  alpn: 'imap',
  resumed: true,
  clientCertificate: {
    subject: 'CN=alice\r\nOK, O=Example',
    altNames: 'DNS:alice.example.org',
    fingerprint: 'AB:CD',
    verified: true,
  },
};

const LISTED = [
  'tls: TLSv1.3',
  'cipher: TLS_AES_256_GCM_SHA384',
  'key exchange: X25519MLKEM768',
  'server name: ev\\x1bil\\x0d\\x0aOK',
  'alpn: imap',
  'client certificate: CN=alice\\x0d\\x0aOK, O=Example',
  'alternative names: DNS:alice.example.org',
  'fingerprint: AB:CD',
  'verified: yes',
  'resumed: yes',
];

describe('src/dialogue/tls-facts', () => {
  it('lists every fact, escaped', () => {
    expect(listTlsFacts(everything).map(fact => fact.join(': '))).to.deep.equal(LISTED);
  });

  it('leaves out what is not known', () => {
    const { group, clientCertificate, ...others } = everything;
    const listed = listTlsFacts({ ...others, group: undefined, clientCertificate: undefined });
    const names = ['tls', 'cipher', 'server name', 'alpn', 'client certificate', 'resumed'];
    expect(listed.map(([name]) => name)).to.deep.equal(names);
  });

  it('does not say that there is no server name where it is not told', () => {
    const nameOf = (facts: Partial<TlsFacts>) =>
      listTlsFacts({ ...everything, servername: undefined, ...facts }).find(
        ([name]) => name === 'server name',
      )?.[1];
    expect(nameOf({ version: 'TLSv1.2', resumed: true })).to.equal('not told');
    expect(nameOf({ version: 'TLSv1.2', resumed: false })).to.equal('none');
    expect(nameOf({ version: 'TLSv1.3', resumed: true })).to.equal('none');
  });

  for (const protocol of [line, telnet]) {
    it(`is what ${protocol.name} answers to STATUS`, () => {
      const stage = new Stage(protocol).start(everything);
      stage.heard();
      expect(stage.say('STATUS\r\n').heard()).to.contain(`${LISTED.join('\r\n')}\r\n`);
    });
  }
});
