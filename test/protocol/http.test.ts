import { createHash } from 'node:crypto';
import { createServer as createHttpServer } from 'node:http';
import { expect } from 'chai';
import { http } from '../../protocol/http.ts';
import { STYLE, STYLE_HASH } from '../../protocol/http-style.ts';
import type { TlsFacts } from '../../src/dialogue/tls-facts.ts';
import { serving, stopServing } from '../support/serving.ts';
import { Stage, TLS } from '../support/stage.ts';

const request = (line: string, ...fields: readonly string[]) =>
  `${[line, 'Host: www.example.org', ...fields].join('\r\n')}\r\n\r\n`;
const asking = (line: string) => request(line, 'Connection: Upgrade', 'Upgrade: TLS/1.2');

/** Head and content of the page. */
function pageOf(tls: TlsFacts, ...fields: readonly string[]): readonly [head: string, content: string] {
  const response = new Stage(http)
    .start(tls)
    .say(request('GET / HTTP/1.1', ...fields))
    .heard();
  const [head = '', ...content] = response.split('\r\n\r\n');
  return [head, content.join('\r\n\r\n')];
}

describe('protocol/http', () => {
  afterEach(stopServing);

  describe('the page', () => {
    it('lets a browser take its own style and nothing else', () => {
      const hash = createHash('sha256').update(STYLE, 'latin1').digest('base64');
      expect(STYLE_HASH).to.equal(`sha256-${hash}`);
      const [head, content] = pageOf(TLS);
      expect(content).to.contain(`<style>${STYLE}</style>`);
      expect(head).to.contain(`Content-Security-Policy: default-src 'none'; style-src '${STYLE_HASH}'; `);
    });

    it('loads nothing, runs nothing and leads nowhere', () => {
      const [, content] = pageOf(TLS);
      expect(content).to.not.match(/<script|<a |\bon\w+=|@import|url\(|src=/i);
      expect(content.match(/https?:[^"' ]*/g)).to.deep.equal(['http://www.w3.org/2000/svg%22']);
      expect(content).to.match(/^[\n\x20-\x7e]*$/);
    });

    it('has the length that it says', () => {
      const [head, content] = pageOf(TLS);
      expect(head).to.contain(`\r\nContent-Length: ${content.length}`);
      const only = new Stage(http).start(TLS).say(request('HEAD / HTTP/1.1')).heard();
      expect(only).to.equal(`${head}\r\n\r\n`);
    });

    it('shows what was negotiated, and markup in it as text', () => {
      const evil = '<script>alert("1")</script>&\u00e9\u{1f600}\r\n\x1b';
      const clientCertificate = { subject: evil, altNames: evil, fingerprint: 'AB:CD', verified: false };
      const [head, html] = pageOf({ ...TLS, servername: evil, alpn: evil, resumed: true, clientCertificate });
      const shown = '&#60;script&#62;alert(&#34;1&#34;)&#60;/script&#62;&#38;\\xe9\\u{1f600}\\x0d\\x0a\\x1b';
      expect(html.split(shown).length).to.equal(5);
      for (const fact of [
        TLS.version,
        TLS.cipher,
        '<dt>resumed</dt><dd>yes</dd>',
        'AB:<wbr>CD',
        '<dd>no</dd>',
      ]) {
        expect(html).to.contain(fact);
      }
      expect(html).to.not.match(/<script/);
      expect(html).to.match(/^[\n\x20-\x7e]*$/);
      expect(head).to.not.contain('script>');
      const [, long] = pageOf({ ...TLS, servername: 'x'.repeat(1000) });
      expect(long).to.match(/<dd>x{256}\.\.\.<\/dd>/);
    });

    it('says how TLS came to be', () => {
      const upgraded = new Stage(http).start().say(asking('GET / HTTP/1.1')).secure().heard();
      expect(upgraded).to.contain('<h1>Upgraded in-band</h1>').and.contain('RFC 2817');
      expect(pageOf(TLS)[1]).to.contain('<h1>Encrypted</h1>').and.not.contain('2817');
      const plain = new Stage(http, { policy: 'optional' }).start().say(request('GET / HTTP/1.1')).heard();
      expect(plain).to.contain('<h1>Not encrypted</h1>').and.contain('\r\nUpgrade: TLS/1.2, HTTP/1.1\r\n');
    });

    it('is text for those who want that more', () => {
      const typeFor = (...fields: readonly string[]) =>
        /Content-Type: (\S+);/.exec(pageOf(TLS, ...fields)[0])?.[1];
      expect(typeFor()).to.equal('text/html');
      for (const accept of [
        '*/*',
        'text/html,*/*;q=0.8',
        'text/*',
        'text/plain;q=0.5, */*',
        'image/png',
        'x;;,',
      ]) {
        expect(typeFor(`Accept: ${accept}`), accept).to.equal('text/html');
      }
      for (const accept of [
        'text/plain',
        'TEXT/PLAIN, */*;q=0.1',
        'text/html;q=0, text/*',
        'text/html; q=0.4,*/*',
      ]) {
        expect(typeFor(`Accept: ${accept}`), accept).to.equal('text/plain');
      }
    });
  });

  it('takes time linear in the bytes of a field, whatever is in it', () => {
    const accept = `Accept: a${' '.repeat(8000)}b`;
    const begun = performance.now();
    for (let count = 0; count < 5; count++)
      expect(pageOf(TLS, accept, accept, accept)[0]).to.contain('200 OK');
    // Some milliseconds; well over a second with a pattern that looks for blanks before a semicolon.
    expect(performance.now() - begun).to.be.lessThan(500);
  });

  describe("a request in front of somebody else's TLS", () => {
    const alpn = { ...TLS, alpn: 'http/1.1' };

    for (const application of [true, false]) {
      it(`is not answered to a client that agrees on ALPN, ${application ? 'with' : 'without'} an application`, () => {
        const stage = new Stage(http, { application }).start().say(asking('GET /evil HTTP/1.1'));
        stage.heard();
        expect(stage.secure(alpn).close?.error?.code).to.equal('ERR_SPLICED_REQUEST');
        expect(stage.heard()).to.equal('');
        expect(stage.handOver).to.equal(undefined);
      });
    }

    it('is answered where it has no content to give', () => {
      const stage = new Stage(http).start().say(asking('OPTIONS * HTTP/1.1'));
      stage.heard();
      expect(stage.secure(alpn).heard()).to.match(/^HTTP\/1\.1 204 /);
    });
  });

  it('gives an application a request that asked for TLS as if it had come under TLS', async () => {
    const web = createHttpServer((asked, response) => {
      response.end(`${asked.method} ${asked.url} ${'encrypted' in asked.socket} ${asked.headers.upgrade}`);
    });
    const { connect, over } = await serving(http, {}, session => {
      web.emit('connection', session.stream);
    });
    const client = await connect();
    client.say(asking('GET /a HTTP/1.1'));
    await client.until('HTTP/1.1 101 Switching Protocols\r\nUpgrade: TLS/1.2, HTTP/1.1\r\n');
    await client.until('\r\n\r\n');
    await client.startTls();
    await client.until('GET /a true undefined');
    client.say(request('GET /b HTTP/1.1', 'Connection: close'));
    await client.until('GET /b true undefined');
    await client.end();
    client.destroy();
    expect((await over(1))[0]?.error).to.equal(undefined);
  });

  it('takes the end of a connection between two requests for what it is', async () => {
    const { connect, over } = await serving(http, { tls: 'implicit' });
    const client = await connect();
    await client.startTls();
    client.say(request('OPTIONS * HTTP/1.1'));
    await client.until('HTTP/1.1 204 ');
    client.socket.end();
    expect((await over(1))[0]?.error).to.equal(undefined);
  });

  describe('as a client', () => {
    const SWITCH = 'HTTP/1.1 101 Switching Protocols\r\nUpgrade: TLS/1.2\r\n\r\n';
    const answered = (response: string) =>
      new Stage(http, { role: 'probe' }).start().say(SWITCH).secure().say(response);

    for (const [what, response] of [
      ['no content', 'HTTP/1.1 204 No Content\r\n\r\n'],
      [
        'an interim response',
        'HTTP/1.1 100 Continue\r\nContent-Length: 9\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n',
      ],
      ['a length', 'HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello'],
      [
        'chunks',
        'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5;a=b\r\nhello\r\n1\r\n!\r\n0\r\nA: b\r\n\r\n',
      ],
    ] as const) {
      it(`reads the response to what turned TLS on to its end: ${what}`, () => {
        expect(answered(response.slice(0, -1)).handOver).to.equal(undefined);
        expect(Buffer.from(answered(`${response}HTTP`).handOver?.unread ?? []).toString()).to.equal('HTTP');
      });
    }

    for (const [what, head] of [
      ['nothing that says where it ends', ''],
      ['a length that is none', 'Content-Length: -1\r\n'],
      ['two ways to find its end', 'Content-Length: 5\r\nTransfer-Encoding: gzip\r\n'],
      ['too much content', 'Content-Length: 100000\r\n'],
      ['a chunk without a size', 'Transfer-Encoding: chunked\r\n\r\nhello\r\n'],
      ['a large chunk', 'Transfer-Encoding: chunked\r\n\r\nfffff\r\n'],
      ['many chunks', `Transfer-Encoding: chunked\r\n\r\n${'1\r\na\r\n'.repeat(200)}`],
      ['a trailer without end', `Transfer-Encoding: chunked\r\n\r\n0\r\n${'A: b\r\n'.repeat(200)}`],
    ] as const) {
      it(`takes no response with ${what}`, () => {
        const { close } = answered(`HTTP/1.1 200 OK\r\n${head}\r\n`);
        expect(close?.error?.code).to.equal('ERR_UNEXPECTED_REPLY');
      });
    }
  });
});
