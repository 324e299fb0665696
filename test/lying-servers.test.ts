import { expect } from 'chai';
import { protocols } from '../protocol/index.ts';
import type { ErrorCode } from '../src/errors.ts';
import { Stage } from './support/stage.ts';

/** What a server says, piece by piece, each as soon as the probe has said something; then how the probe ends. */
type Lie = readonly [what: string, said: readonly string[], code: ErrorCode];

const TLS = '-- TLS --';

const tooMany = (line: string) => line.repeat(200);

const lies: Readonly<Record<string, readonly Lie[]>> = {
  smtp: [
    ['that is not a greeting', ['hello\r\n'], 'ERR_UNEXPECTED_REPLY'],
    ['that it is busy', ['421 busy\r\n'], 'ERR_UNEXPECTED_REPLY'],
    ['no STARTTLS', ['220 a\r\n', '250-a\r\n250 SIZE\r\n'], 'ERR_TLS_NOT_OFFERED'],
    ['STARTTLS only as a part of a word', ['220 a\r\n', '250-a\r\n250 XSTARTTLS\r\n'], 'ERR_TLS_NOT_OFFERED'],
    ['454 for a go-ahead', ['220 a\r\n', '250 STARTTLS\r\n', '454 no\r\n'], 'ERR_TLS_REFUSED'],
    ['a line without end', ['220 a\r\n', `250-${'x'.repeat(3000)}`], 'ERR_LINE_TOO_LONG'],
    ['lines without end', ['220 a\r\n', tooMany('250-x\r\n')], 'ERR_UNEXPECTED_REPLY'],
    [
      'no under TLS',
      ['220 a\r\n', '250 STARTTLS\r\n', '220 go\r\n', TLS, '550 no\r\n'],
      'ERR_UNEXPECTED_REPLY',
    ],
  ],
  pop3: [
    ['-ERR for a greeting', ['-ERR busy\r\n'], 'ERR_UNEXPECTED_REPLY'],
    ['what is no reply', ['hello\r\n'], 'ERR_UNEXPECTED_REPLY'],
    ['no CAPA', ['+OK a\r\n', '-ERR what\r\n'], 'ERR_TLS_NOT_OFFERED'],
    ['no STLS', ['+OK a\r\n', '+OK\r\nUSER\r\n.\r\n'], 'ERR_TLS_NOT_OFFERED'],
    ['lines without end', ['+OK a\r\n', `+OK\r\n${tooMany('x\r\n')}`], 'ERR_UNEXPECTED_REPLY'],
    ['-ERR to STLS', ['+OK a\r\n', '+OK\r\n..x\r\nSTLS\r\n.\r\n', '-ERR no\r\n'], 'ERR_TLS_REFUSED'],
    [
      '-ERR under TLS',
      ['+OK a\r\n', '+OK\r\nSTLS\r\n.\r\n', '+OK\r\n', TLS, '-ERR no\r\n'],
      'ERR_UNEXPECTED_REPLY',
    ],
  ],
  imap: [
    ['that we are logged in', ['* PREAUTH a\r\n'], 'ERR_TLS_NOT_OFFERED'],
    ['goodbye', ['* BYE a\r\n'], 'ERR_UNEXPECTED_REPLY'],
    ['no STARTTLS', ['* OK a\r\n', '* CAPABILITY IMAP4rev1\r\na1 OK\r\n'], 'ERR_TLS_NOT_OFFERED'],
    ['NO to CAPABILITY', ['* OK a\r\n', 'a1 NO\r\n'], 'ERR_UNEXPECTED_REPLY'],
    ['what is no response', ['* OK a\r\n', 'hello\r\n'], 'ERR_UNEXPECTED_REPLY'],
    ['responses without end', ['* OK a\r\n', tooMany('* OK\r\n')], 'ERR_UNEXPECTED_REPLY'],
    [
      'NO to STARTTLS',
      ['* OK a\r\n', '* CAPABILITY IMAP4rev1 STARTTLS\r\na1 OK\r\n', 'a2 NO\r\n'],
      'ERR_TLS_REFUSED',
    ],
  ],
  ftp: [
    ['no FEAT', ['220 a\r\n', '500 what\r\n'], 'ERR_TLS_NOT_OFFERED'],
    ['no AUTH TLS', ['220 a\r\n', '211-a\r\n AUTH GSSAPI\r\n211 end\r\n'], 'ERR_TLS_NOT_OFFERED'],
    [
      '504 to AUTH TLS',
      ['220 a\r\n', '211-a\r\n AUTH SSL;TLS;\r\n211 end\r\n', '504 no\r\n'],
      'ERR_TLS_REFUSED',
    ],
  ],
  irc: [
    ['no tls', [':a 020 * :wait\r\n:a CAP * LS :multi-prefix sts=port=6697\r\n'], 'ERR_TLS_NOT_OFFERED'],
    ['that it knows no CAP', [':a 421 * CAP :Unknown command\r\n'], 'ERR_TLS_NOT_OFFERED'],
    ['691', [':a CAP * LS * :multi-prefix\r\n:a CAP * LS :tls\r\n', ':a 691 * :no\r\n'], 'ERR_TLS_REFUSED'],
    ['notices without end', [tooMany(':a NOTICE * :x\r\n')], 'ERR_UNEXPECTED_REPLY'],
    ['capabilities without end', [tooMany(':a CAP * LS * :x\r\n')], 'ERR_UNEXPECTED_REPLY'],
  ],
  nntp: [
    ['400', ['400 busy\r\n'], 'ERR_UNEXPECTED_REPLY'],
    ['no CAPABILITIES', ['201 a\r\n', '500 what\r\n'], 'ERR_TLS_NOT_OFFERED'],
    ['no STARTTLS', ['200 a\r\n', '101 a\r\nREADER\r\n.\r\n'], 'ERR_TLS_NOT_OFFERED'],
    ['580', ['200 a\r\n', '101 a\r\nSTARTTLS\r\n.\r\n', '580 no\r\n'], 'ERR_TLS_REFUSED'],
    ['labels without end', ['200 a\r\n', `101 a\r\n${tooMany('X\r\n')}`], 'ERR_UNEXPECTED_REPLY'],
  ],
  sieve: [
    ['BYE', ['BYE "busy"\r\n'], 'ERR_UNEXPECTED_REPLY'],
    ['what is no capability', ['hello\r\n'], 'ERR_UNEXPECTED_REPLY'],
    ['no STARTTLS', ['"SIEVE" ""\r\nOK "a"\r\n'], 'ERR_TLS_NOT_OFFERED'],
    ['NO to STARTTLS', ['"STARTTLS"\r\nOK "a"\r\n', 'NO "no"\r\n'], 'ERR_TLS_REFUSED'],
    ['NO under TLS', ['"STARTTLS"\r\nOK "a"\r\n', 'OK "go"\r\n', TLS, 'NO "no"\r\n'], 'ERR_UNEXPECTED_REPLY'],
    ['a literal without end', ['"STARTTLS" {99999}\r\n'], 'ERR_BAD_SYNTAX'],
    ['capabilities without end', [tooMany('"X"\r\n')], 'ERR_UNEXPECTED_REPLY'],
  ],
  line: [
    ['what is no greeting', ['hello\r\n'], 'ERR_UNEXPECTED_REPLY'],
    ['ERR', ['OK a\r\n', 'ERR no\r\n'], 'ERR_TLS_REFUSED'],
  ],
};

describe('lying servers', () => {
  for (const protocol of protocols) {
    for (const [what, said, code] of lies[protocol.name] ?? []) {
      it(`${protocol.name}: a probe that is told ${what} goes no further`, () => {
        const probe = new Stage(protocol, { role: 'probe' }).start();
        for (const piece of said) {
          if (piece === TLS) probe.secure();
          else probe.say(piece);
        }
        expect(probe.close?.error?.code).to.equal(code);
        expect(probe.handOver).to.equal(undefined);
      });
    }

    it(`${protocol.name}: a probe whose server leaves says so`, () => {
      const probe = new Stage(protocol, { role: 'probe' }).start().hangUp();
      expect(probe.close?.error?.code).to.equal('ERR_PEER_CLOSED');
    });
  }
});
