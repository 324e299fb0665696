import { expect } from 'chai';
import { type ErrorCode, SallyportError } from '../../src/errors.ts';
import { silent } from '../../src/log.ts';
import { logSessionEnd, type SessionEnd } from '../../src/net/session-end.ts';
import { TLS } from '../support/stage.ts';

const END: SessionEnd = {
  session: 'abc-1',
  protocol: 'smtp',
  role: 'server',
  remote: { address: '192.0.2.1', port: 4711 },
  duration: 12.7,
  reached: 'connected',
  dropped: 0,
  bytesIn: 1,
  bytesOut: 2,
  upstream: undefined,
  tls: undefined,
  error: undefined,
};

/** The one line that is logged: its level and its fields. */
function logged(end: SessionEnd): { level: string; fields: Record<string, unknown> } {
  const lines: { level: string; fields: Record<string, unknown> }[] = [];
  const at = (level: string) => (fields: object) => lines.push({ level, fields: { ...fields } });
  logSessionEnd({ ...silent, info: at('info'), error: at('error') }, end);
  const [line] = lines;
  if (line === undefined || lines.length > 1) throw new Error('not one line');
  return line;
}

describe('src/net/session-end', () => {
  it('tells who, how long and how much', () => {
    expect(logged(END)).to.deep.equal({
      level: 'info',
      fields: {
        session: 'abc-1',
        protocol: 'smtp',
        role: 'server',
        remote: '192.0.2.1:4711',
        duration: 13,
        bytesIn: 1,
        bytesOut: 2,
      },
    });
  });

  it('tells what TLS negotiated, with what the peer chose escaped', () => {
    const clientCertificate = {
      subject: 'CN=\x1b[2J',
      altNames: undefined,
      fingerprint: 'AB',
      verified: true,
    };
    const { fields } = logged({
      ...END,
      tls: { ...TLS, servername: 'a\nb', alpn: 'x\0', clientCertificate },
    });
    expect(fields).to.include({
      tls: 'TLSv1.3',
      cipher: 'TLS_AES_256_GCM_SHA384',
      resumed: false,
      servername: 'a\\x0ab',
      alpn: 'x\\x00',
      client: 'CN=\\x1b[2J',
    });
    expect(logged({ ...END, tls: { ...TLS, servername: undefined } }).fields).to.not.have.any.keys(
      'servername',
      'alpn',
      'client',
    );
  });

  const blames: [ErrorCode, string][] = [
    ['ERR_PEER_CLOSED', 'info'],
    ['ERR_TOO_MANY_CONNECTIONS', 'info'],
    ['ERR_APPLICATION', 'error'],
    ['ERR_CERTIFICATE', 'error'],
  ];
  for (const [code, level] of blames) {
    it(`logs ${code} at ${level}, by whose fault it is`, () => {
      const line = logged({ ...END, error: new SallyportError(code, 'de\ntail', { cause: 'beneath' }) });
      expect(line.level).to.equal(level);
      expect(line.fields).to.include({ code });
      expect(String(line.fields['reason'])).to.contain('de\\x0atail');
      expect(line.fields['err']).to.equal(level === 'error' ? 'beneath' : undefined);
    });
  }

  it('logs the error itself where nothing lies beneath', () => {
    const error = new SallyportError('ERR_INTERNAL');
    expect(logged({ ...END, error }).fields['err']).to.equal(error);
  });
});
