import { expect } from 'chai';
import { ftp, irc } from '../../protocol/index.ts';

/** What no server of ours says, and others do. */
describe('the lists of capabilities that a probe looks for', () => {
  it('are those of IRC, of one line or of several, with a prefix or without', () => {
    const listed = (said: string) => irc.audit?.capabilities?.(said);
    expect(listed(':irc.example.org CAP * LS :tls sasl=PLAIN\r\n')).to.deep.equal(['tls', 'sasl=PLAIN']);
    expect(listed('CAP * LS * :tls \r\n:irc.example.org CAP * LS :away-notify\r\n')).to.deep.equal([
      'tls',
      'away-notify',
    ]);
    expect(listed('CAP nobody LS :\r\n')).to.deep.equal([]);
    expect(listed(':irc.example.org 421 * CAP :Unknown command\r\n')).to.equal(undefined);
  });

  it('are those of FTP, and none where FEAT is not known', () => {
    const listed = (said: string) => ftp.audit?.capabilities?.(said);
    expect(listed('220 ready\r\n211-Features:\r\n AUTH TLS\r\n PBSZ\r\n211 End\r\n')).to.deep.equal([
      'AUTH TLS',
      'PBSZ',
    ]);
    expect(listed('220 ready\r\n500 What?\r\n')).to.equal(undefined);
  });
});
