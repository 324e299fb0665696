import { expect } from 'chai';
import { http } from '../../protocol/http.ts';
import { line } from '../../protocol/line.ts';
import { smtp } from '../../protocol/smtp.ts';
import { type TryTarget, tryCommand } from '../../src/cli/try-command.ts';
import { tryTable } from '../../src/cli/try-table.ts';

const target: TryTarget = {
  protocol: smtp,
  host: '127.0.0.1',
  port: 20_025,
  implicit: false,
  caFile: undefined,
};

describe('src/cli/try-command', () => {
  it('names the protocol as s_client does', () => {
    expect(tryCommand(target)).to.equal('openssl s_client -starttls smtp -connect localhost:20025');
    expect(tryCommand({ ...target, protocol: line })).to.contain('-starttls sieve');
  });

  it('needs no name where TLS comes first', () => {
    expect(tryCommand({ ...target, implicit: true })).to.equal('openssl s_client -connect localhost:20025');
  });

  it("is the protocol's own where s_client does not know the upgrade", () => {
    expect(tryCommand({ ...target, protocol: http })).to.equal('lpstat -E -h localhost:20025 -r');
    expect(tryCommand({ ...target, protocol: http, implicit: true })).to.equal(
      'openssl s_client -connect localhost:20025',
    );
  });

  it('connects to where the listener can be reached', () => {
    for (const host of ['0.0.0.0', '::', '::1', 'localhost', '127.1.2.3']) {
      expect(tryCommand({ ...target, host })).to.contain('-connect localhost:20025');
    }
    expect(tryCommand({ ...target, host: '2001:db8::1' })).to.contain('-connect [2001:db8::1]:20025');
    expect(tryCommand({ ...target, host: '192.0.2.1' })).to.contain('-connect 192.0.2.1:20025');
  });

  it('quotes a file for the shell only where it must', () => {
    expect(tryCommand({ ...target, caFile: '/a/ca.pem' })).to.match(/ -CAfile \/a\/ca\.pem$/);
    expect(tryCommand({ ...target, caFile: "/my files/it's.pem" })).to.match(
      / -CAfile '\/my files\/it'\\''s\.pem'$/,
    );
  });
});

describe('src/cli/try-table', () => {
  it('has one line for each listener, each command whole and last', () => {
    const command = `openssl s_client ${'x'.repeat(300)}`;
    const rows = [
      { protocol: 'smtp', address: '127.0.0.1:20025', command },
      { protocol: 'sieve', address: '[::1]:24190', command: 'short' },
    ];
    expect(tryTable(rows).split('\n')).to.deep.equal([
      'PROTOCOL  ADDRESS          TRY',
      `smtp      127.0.0.1:20025  ${command}`,
      'sieve     [::1]:24190      short',
    ]);
  });
});
