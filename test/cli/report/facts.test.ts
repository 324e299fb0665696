import { expect } from 'chai';
import { factGroups } from '../../../src/cli/report/facts.ts';
import type { ProbeFacts } from '../../../src/probe/probe-result.ts';
import { failed } from '../../support/probe-results.ts';

/** The rows of a group of facts, as an object. */
function rowsOf(title: string, facts: Partial<ProbeFacts>): Readonly<Record<string, string>> | undefined {
  const group = factGroups({ ...failed.facts, ...facts }).find(each => each.title === title);
  return group === undefined ? undefined : Object.fromEntries(group.rows);
}

const CHAIN = { trusted: true, fault: undefined, named: true, ordered: true, rootSent: false };
const NEGOTIATED = {
  version: 'TLSv1.2',
  cipher: 'TLS_X',
  group: undefined,
  postQuantum: undefined,
  alpn: undefined,
};

describe('src/cli/report/facts', () => {
  it('says nothing of what is not known', () => {
    expect(factGroups(failed.facts)).to.deep.equal([]);
  });

  it('tells an upgrade that was not offered', () => {
    const offer = { offered: false, command: undefined, goAhead: undefined };
    expect(rowsOf('Offer', { offer })).to.deep.equal({ TLS: 'not offered' });
  });

  it('tells the group only where it is known, and whether it resists a quantum computer where that is', () => {
    expect(rowsOf('TLS', { tls: NEGOTIATED })).to.deep.equal({
      version: 'TLSv1.2',
      cipher: 'TLS_X',
      ALPN: 'none',
    });
    const group = (postQuantum: boolean | undefined) =>
      rowsOf('TLS', { tls: { ...NEGOTIATED, group: 'x', postQuantum } })?.['key exchange'];
    expect([group(undefined), group(true), group(false)]).to.deep.equal([
      'x',
      'x (post-quantum)',
      'x (not post-quantum)',
    ]);
  });

  it('tells versions and groups that could not be tried from those that were refused', () => {
    const versions = [
      { version: 'SSLv3', accepted: undefined, cipher: undefined, reason: 'no time' },
      { version: 'TLSv1', accepted: undefined, cipher: undefined, reason: undefined },
      { version: 'TLSv1.1', accepted: false, cipher: undefined, reason: undefined },
      { version: 'TLSv1.2', accepted: true, cipher: undefined, reason: undefined },
    ] as const;
    expect(rowsOf('Versions', { versions })).to.deep.equal({
      'TLSv1.2': 'accepted',
      'TLSv1.1': 'refused',
      TLSv1: 'not tried: not known why',
      SSLv3: 'not tried: no time',
    });
    const groups = [
      { group: 'a', postQuantum: true, accepted: undefined },
      { group: 'b', postQuantum: false, accepted: false },
    ];
    expect(rowsOf('Key exchange (TLS 1.3)', { groups })).to.deep.equal({
      a: 'not tried (post-quantum)',
      b: 'refused',
    });
  });

  it('tells a chain that is not trusted, with its fault where that has a name', () => {
    const trusted = (fault: string | undefined) =>
      rowsOf('Chain', { chain: { ...CHAIN, trusted: false, fault } })?.['trusted'];
    expect([trusted('CERT_HAS_EXPIRED'), trusted(undefined)]).to.deep.equal(['no: CERT_HAS_EXPIRED', 'no']);
    expect(rowsOf('Chain', { chain: CHAIN, ocspStapled: true })).to.include({ 'OCSP response': 'stapled' });
    expect(rowsOf('Chain', { chain: { ...CHAIN, named: false, ordered: undefined } })).to.deep.equal({
      trusted: 'yes',
      "for the server's name": 'no',
      'root sent': 'no',
    });
  });

  it('tells resumption that was not tried from one that failed', () => {
    const resumption = [
      { version: 'TLSv1.2', resumed: undefined, ticketLifetime: undefined },
      { version: 'TLSv1.3', resumed: false, ticketLifetime: 300 },
    ] as const;
    expect(rowsOf('Resumption', { resumption })).to.deep.equal({
      'TLSv1.2': 'not tried',
      'TLSv1.3': 'not resumed, tickets live 300 s',
    });
  });

  it('leaves out lists of capabilities that are empty', () => {
    const capabilities = { before: ['STARTTLS'], after: undefined, gone: ['STARTTLS'], added: [] };
    expect(rowsOf('Capabilities', { capabilities })).to.deep.equal({
      'before TLS': 'STARTTLS',
      'only before': 'STARTTLS',
    });
  });
});
