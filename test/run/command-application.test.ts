import { existsSync, readdirSync, readFileSync } from 'node:fs';
import type { Socket } from 'node:net';
import { PassThrough } from 'node:stream';
import { expect } from 'chai';
import { smtp } from '../../protocol/smtp.ts';
import { Session } from '../../src/net/session.ts';
import { commandApplication, environmentOf } from '../../src/run/command-application.ts';
import { serving, stopServing } from '../support/serving.ts';
import { underTls } from '../support/speak.ts';
import { TLS } from '../support/stage.ts';

/** A session that is only looked at. */
function session(tls = true, name = 'mail.example.org'): Session {
  const certificate = { subject: 'CN=alice', altNames: 'DNS:a', fingerprint: 'AB:CD', verified: true };
  return new Session({
    id: 'abc-1',
    protocol: 'smtp',
    stream: new PassThrough() as unknown as Socket, // never touched
    peer: { address: '192.0.2.1', port: 4711 },
    tls: tls
      ? { ...TLS, servername: name, alpn: 'imap', resumed: true, clientCertificate: certificate }
      : undefined,
    introduction: undefined,
    hostname: 'mail.example.org',
  });
}

describe('src/run/command-application', () => {
  afterEach(stopServing);

  it('tells all that is known, by our names and by those of ucspi and mod_ssl', () => {
    expect(environmentOf(session())).to.deep.equal({
      SALLYPORT_SESSION: 'abc-1',
      SALLYPORT_PROTOCOL: 'smtp',
      SALLYPORT_REMOTE_ADDRESS: '192.0.2.1',
      SALLYPORT_REMOTE_PORT: '4711',
      SALLYPORT_TLS_VERSION: 'TLSv1.3',
      SALLYPORT_TLS_CIPHER: 'TLS_AES_256_GCM_SHA384',
      SALLYPORT_TLS_RESUMED: '1',
      SALLYPORT_SERVERNAME: 'mail.example.org',
      SALLYPORT_ALPN: 'imap',
      SALLYPORT_CLIENT_SUBJECT: 'CN=alice',
      SALLYPORT_CLIENT_ALTNAMES: 'DNS:a',
      SALLYPORT_CLIENT_FINGERPRINT: 'AB:CD',
      SALLYPORT_CLIENT_VERIFIED: '1',
      PROTO: 'SSL',
      TCPREMOTEIP: '192.0.2.1',
      TCPREMOTEPORT: '4711',
      SSL_PROTOCOL: 'TLSv1.3',
      SSL_CIPHER: 'TLS_AES_256_GCM_SHA384',
      SSL_TLS_SNI: 'mail.example.org',
    });
  });

  it('tells nothing of TLS in plaintext', () => {
    const names = Object.keys(environmentOf(session(false)));
    expect(names.filter(name => /TLS|SSL|CLIENT|SERVERNAME|ALPN/.test(name))).to.deep.equal([]);
    expect(environmentOf(session(false))['PROTO']).to.equal('TCP');
  });

  it('escapes what the client chose', () => {
    expect(environmentOf(session(true, 'a\0b\n(){:;}'))['SALLYPORT_SERVERNAME']).to.equal(
      'a\\x00b\\x0a(){:;}',
    );
  });

  it('ends all of a pipeline when the client goes', async () => {
    const { connect, over } = await serving(smtp, {}, commandApplication('echo $$; sleep 60 | cat'));
    const client = await underTls(await connect(), smtp);
    const group = Number.parseInt(await client.until(/\d+\n/), 10);
    expect(alive(group)).to.equal(true);
    client.reset();
    await over(1);
    for (let tries = 0; alive(group) && tries < 100; tries++)
      await new Promise(resolve => setTimeout(resolve, 20));
    expect(alive(group)).to.equal(false);
  });

  it('takes a command that does not read, and one that fails', async () => {
    const { connect, over } = await serving(smtp, {}, commandApplication('echo done; exit 3'));
    const client = await underTls(await connect(), smtp);
    client.say('unread\r\n'.repeat(1000));
    await client.until('done\n');
    await client.end();
    client.destroy();
    expect((await over(1))[0]?.error?.code).to.equal(undefined);
  });
});

/** Whether any process of a group is left; one that has ended, and only waits for who is to reap it, is not. */
function alive(group: number): boolean {
  try {
    process.kill(-group, 0);
  } catch {
    return false;
  }
  // Whoever reaps them may take long, or never come: in a container nobody need be there.
  const states = existsSync('/proc/self/stat') ? statesOf(group) : ['unknown'];
  return states.some(state => state !== 'Z');
}

function statesOf(group: number): readonly string[] {
  return readdirSync('/proc').flatMap(name => {
    if (!/^\d+$/.test(name)) return [];
    try {
      const [state = '', , of] = readFileSync(`/proc/${name}/stat`, 'latin1')
        .replace(/^.*\) /s, '')
        .split(' ');
      return Number(of) === group ? [state] : [];
    } catch {
      return []; // it has just gone
    }
  });
}
