import { expect } from 'chai';
import { FtpSession } from '../../protocol/ftp-session.ts';
import type { FollowedSession, Move } from '../../src/dialogue/follower.ts';

const SESSION: FollowedSession = {
  hostname: 'mail.example.org',
  secure: true,
  policy: 'required',
  client: '192.0.2.7',
  announced: '198.51.100.1',
  upstream: '127.0.0.1',
};

/** Where both are reached over IPv6. */
const SIX = { client: '2001:db8::7', announced: '2001:db8::1' };

/** What a move is in one line: `C 200 OK`, `U PASV`, or its kind and terms. */
function written(move: Move): string {
  if (move.kind === 'reply') return `C ${move.text.trimEnd()}`;
  if (move.kind === 'forward') return `U ${move.text.trimEnd()}`;
  if (move.kind === 'open') return `open ${Object.values(move.connection).join(' ')}`;
  if (move.kind === 'transfer') return `transfer ${Object.values(move.transfer).join(' ')}`;
  return move.kind;
}

class Script {
  readonly session: FtpSession;

  constructor(session: Partial<FollowedSession> = {}) {
    this.session = new FtpSession({ ...SESSION, ...session });
  }

  command(line: string): string[] {
    return this.session.command(line).map(written);
  }

  answer(...lines: readonly string[]): string[] {
    return lines.flatMap(line => this.session.answer(line).map(written));
  }

  /** With data protected, and a data connection agreed on. */
  agreed(): this {
    this.command('PBSZ 0');
    this.command('PROT P');
    this.command('PASV');
    this.answer('227 Entering Passive Mode (10,0,0,1,200,10)');
    this.session.listening(50_000);
    return this;
  }
}

describe('protocol/ftp-session', () => {
  it('passes on what is not about data', () => {
    const script = new Script();
    expect(script.command('USER tester')).to.deep.equal(['U USER tester']);
    expect(script.answer('331-first', 'any thing', '331 last')).to.deep.equal([
      'C 331-first',
      'C any thing',
      'C 331 last',
    ]);
    expect(script.session.idle).to.equal(true);
  });

  it('answers PASV with our address and our port, and ignores whose address the upstream names', () => {
    const script = new Script();
    expect(script.command('PASV')).to.deep.equal(['drop', 'U PASV']);
    expect(script.answer('227 Entering Passive Mode (10,0,0,1,200,10)')).to.deep.equal([
      'open passive 51210',
    ]);
    const moves = script.session.listening(50_001).map(written);
    expect(moves).to.deep.equal(['C 227 Entering Passive Mode (198,51,100,1,195,81)']);
  });

  it('asks an upstream with an IPv6 address by EPSV, and one with IPv4 by PASV', () => {
    expect(new Script({ upstream: '::1' }).command('PASV')).to.include('U EPSV');
    expect(new Script(SIX).command('EPSV')).to.include('U PASV');
    expect(new Script({ upstream: undefined }).command('EPSV')).to.deep.equal([
      'C 425 No data connections here',
    ]);
  });

  it('has no data connections for a client that cannot reach us, or whose address nobody knows', () => {
    const sessions: Partial<FollowedSession>[] = [{ client: undefined }, { announced: '2001:db8::1' }];
    for (const session of sessions) {
      for (const line of ['PASV', 'EPSV']) {
        const moves = new Script(session).command(line);
        expect(moves, line).to.deep.equal(['C 425 No data connections here']);
      }
    }
    for (const line of ['PORT 0,0,0,0,195,80', 'EPRT |2|::|50000|']) {
      const moves = new Script({ client: undefined }).command(line);
      expect(moves, line).to.deep.equal(['C 425 No data connections here']);
    }
  });

  it('passes on no command for data connections that would go past it', () => {
    for (const verb of ['LPRT', 'LPSV', 'SPSV', 'CPSV', 'SSCN']) {
      const moves = new Script().command(`${verb} 4,4,192,0,2,8,2,195,80`);
      expect(moves).to.deep.equal([`C 502 No ${verb} here: say EPSV or EPRT`]);
    }
  });

  it('tells an upstream that takes leave from one that is gone', () => {
    for (const line of ['221 bye', '421 Timeout']) {
      const script = new Script();
      script.command('QUIT');
      expect(script.session.over).to.equal(false);
      script.answer(line);
      expect(script.session.over, line).to.equal(true);
    }
  });

  it('takes EPSV over IPv6 alone', () => {
    const script = new Script(SIX);
    expect(script.command('PASV')).to.deep.equal(['C 522 Network protocol not supported, use (2)']);
    expect(script.command('EPSV 1')).to.deep.equal(['C 522 Network protocol not supported, use (2)']);
    expect(script.command('EPSV 2')).to.deep.equal(['drop', 'U PASV']);
    script.answer('227 (127,0,0,1,200,10)');
    expect(script.session.listening(50_001).map(written)).to.deep.equal([
      'C 229 Entering Extended Passive Mode (|||50001|)',
    ]);
  });

  it('holds a client to EPSV ALL', () => {
    const script = new Script();
    expect(script.command('EPSV ALL')).to.deep.equal(['C 200 Only EPSV from now on']);
    for (const line of ['PASV', 'PORT 192,0,2,7,195,80', 'EPRT |1|192.0.2.7|50000|']) {
      expect(script.command(line), line).to.deep.equal(['C 503 EPSV ALL was said']);
    }
    expect(script.command('EPSV')).to.deep.equal(['drop', 'U PASV']);
  });

  it('takes PORT and EPRT to the client itself', () => {
    for (const line of ['PORT 192,0,2,7,195,80', 'EPRT |1|192.0.2.7|50000|', 'EPRT !1!192.0.2.7!50000!']) {
      const script = new Script();
      expect(script.command(line), line).to.deep.equal(['drop', 'U PASV']);
      expect(script.answer('227 (127,0,0,1,200,10)')).to.deep.equal([
        'open active 51210 50000',
        `C 200 ${line.slice(0, 4)} done`,
      ]);
    }
    const six = new Script(SIX);
    expect(six.command('EPRT |2|2001:DB8:0::7|50000|')).to.deep.equal(['drop', 'U PASV']);
    // As lftp has it: what is dialled is the client in any case.
    const lftp = new Script(SIX);
    expect(lftp.command('EPRT |2|::|50000|')).to.deep.equal(['drop', 'U PASV']);
  });

  it('bounces to nobody (CVE-1999-0017)', () => {
    const refused = {
      'PORT 192,0,2,8,195,80': 500,
      'PORT 192,0,2,7,0,25': 500,
      'PORT 192,0,2,7,3,255': 500,
      'PORT 192,0,2,7,195': 501,
      'PORT 192,0,2,7,195,256': 501,
      'PORT 192,0,2,7,195,80,1': 501,
      PORT: 501,
      'EPRT |1|192.0.2.8|50000|': 500,
      'EPRT |1|192.0.2.7|25|': 500,
      'EPRT |1|192.0.2.7|70000|': 500,
      'EPRT |1|192.0.2.7|50000': 501,
      'EPRT |1|localhost|50000|': 500,
      'EPRT |2|2001:db8::7|50000|': 522,
      'EPRT |3|192.0.2.7|50000|': 522,
      EPRT: 501,
    };
    for (const [line, code] of Object.entries(refused)) {
      const [move = '', ...more] = new Script().command(line);
      expect(move.slice(0, 6), line).to.equal(`C ${code} `);
      expect(more, line).to.deep.equal([]);
    }
  });

  it('transfers nothing in the clear where TLS is required', () => {
    const script = new Script();
    expect(script.command('RETR a')).to.deep.equal(['C 521 Data needs TLS: say PROT P']);
    expect(script.command('PROT P')).to.deep.equal(['C 503 Say PBSZ before PROT']);
    expect(script.command('PBSZ 0')).to.deep.equal(['C 200 PBSZ=0']);
    expect(script.command('PROT C')).to.deep.equal(['C 534 Data needs TLS: say PROT P']);
    expect(script.command('PROT S')).to.deep.equal(['C 536 Not a level of TLS']);
    expect(script.command('PROT P')).to.deep.equal(['C 200 Protection level set']);
    expect(script.command('RETR a')).to.deep.equal(['C 425 Say PASV, EPSV, PORT or EPRT first']);
  });

  it('may transfer in the clear where TLS is optional', () => {
    const script = new Script({ policy: 'optional', secure: false });
    script.command('PASV');
    script.answer('227 (127,0,0,1,200,10)');
    script.session.listening(50_000);
    expect(script.command('RETR a')).to.deep.equal(['U RETR a', 'transfer false upstream']);
    expect(script.answer('150 coming')).to.deep.equal(['C 150 coming', 'proceed']);
  });

  it('keeps the last reply until the data has come to its end', () => {
    const script = new Script().agreed();
    expect(script.command('STOR a')).to.deep.equal(['U STOR a', 'transfer true client']);
    expect(script.answer('150 go', '226-stored', '226 well')).to.deep.equal(['C 150 go', 'proceed']);
    const moves = script.session.transferred('complete').map(written);
    expect(moves).to.deep.equal(['C 226-stored\r\n226 well']);
    expect(script.command('RETR a')).to.deep.equal(['C 425 Say PASV, EPSV, PORT or EPRT first']);
  });

  it('does not pass on success where the data broke off, whichever came first', () => {
    const replies = { broken: 426, insecure: 522, absent: 425 } as const;
    for (const end of ['broken', 'insecure', 'absent'] as const) {
      const before = new Script().agreed();
      before.command('STOR a');
      before.session.transferred(end);
      expect(before.answer('150 go', '226 stored')[2], end).to.match(new RegExp(`^C ${replies[end]} `));
      const after = new Script().agreed();
      after.command('STOR a');
      after.answer('226 stored');
      expect(after.session.transferred(end).map(written)[0], end).to.match(new RegExp(`^C ${replies[end]} `));
    }
  });

  it('passes on a refusal at once, and gives the data connection up', () => {
    const script = new Script().agreed();
    script.command('RETR a');
    expect(script.answer('550 no such file')).to.deep.equal(['C 550 no such file', 'drop']);
    expect(script.session.idle).to.equal(true);
  });

  it('lets ABOR and STAT through while data flows, with what Telnet puts before them', () => {
    const script = new Script().agreed();
    script.command('RETR a');
    script.answer('150 coming');
    expect(script.command('STAT')).to.deep.equal(['U STAT']);
    expect(script.answer('211-busy', ' a', '211 end')).to.deep.equal(['C 211-busy', 'C  a', 'C 211 end']);
    // Where the last of them is urgent data, it does not arrive.
    expect(script.command('\xff\xf4\xffABOR')).to.deep.equal(['drop', 'U ABOR']);
    expect(script.answer('226 done', '225 nothing left')).to.deep.equal([
      'C 426 Data connection broke off',
      'drop',
      'C 225 nothing left',
    ]);
    const whole = new Script().agreed();
    whole.command('RETR a');
    expect(whole.command('\xff\xf4\xff\xf2ABOR')).to.deep.equal(['drop', 'U ABOR']);
  });

  it('has other commands wait for the reply before', () => {
    const script = new Script();
    script.command('CWD a');
    expect(script.command('PBSZ 0')).to.deep.equal([]);
    expect(script.session.ready).to.equal(false);
    expect(script.answer('250 there')).to.deep.equal(['C 250 there', 'C 200 PBSZ=0']);
    expect(script.session.ready).to.equal(true);
  });

  it('lists our features of TLS in the place of the upstream’s', () => {
    const script = new Script();
    expect(script.command('FEAT')).to.deep.equal(['U FEAT']);
    expect(script.answer('211-Extensions', ' AUTH TLS', ' PBSZ', ' SSCN', ' MDTM', '211 End')).to.deep.equal([
      'C 211-Features\r\n PBSZ\r\n PROT\r\n MDTM\r\n211 End',
    ]);
  });

  it('keeps TLS on', () => {
    const script = new Script();
    expect(script.command('CCC')).to.deep.equal(['C 534 TLS stays on']);
    expect(script.command('REIN')).to.deep.equal(['C 502 TLS stays on']);
    expect(script.command('AUTH TLS')).to.deep.equal(['C 503 TLS is already on']);
    expect(new Script({ secure: false }).command('AUTH TLS')).to.deep.equal(['C 534 Too late for TLS']);
  });

  it('does not take for a reply what is none', () => {
    expect(() => new Script().answer('hello'))
      .to.throw()
      .with.property('code', 'ERR_UPSTREAM_REPLY');
    const features = new Script();
    features.command('FEAT');
    expect(() => features.answer('211-Features', ...Array<string>(300).fill(' A')))
      .to.throw()
      .with.property('code', 'ERR_UPSTREAM_REPLY');
  });
});
