import { mkdirSync } from 'node:fs';
import { expect } from 'chai';
import { type Browser, type BrowserContext, chromium, type Page } from 'playwright-core';
import { runClient } from './support/client-process.ts';
import { describeClient } from './support/needed-client.ts';
import { type Servers, useServers } from './support/servers.ts';

const QUIET = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

/** Run in the page: the colours behind and of its text, and how wide it is, in pixels. */
const LOOKS = `(() => {
  const { backgroundColor, color } = getComputedStyle(document.body);
  return [backgroundColor, color, document.documentElement.scrollWidth];
})()`;

/** What a page did, as a person with the developer tools open would see it. */
interface Visit {
  readonly page: Page;
  /** All requests, data: URLs left out. */
  readonly requests: readonly string[];
  readonly complaints: readonly string[];
}

describeClient('chromium', testBrowser, ['sh', '-c', 'which chromium && which certutil']);

function testBrowser(): void {
  const servers = useServers({ tls: 'auto' });
  let browser: Browser;
  const open: BrowserContext[] = [];

  before('the browser starts', async () => {
    browser = await chromium.launch({
      executablePath: '/usr/bin/chromium',
      args: QUIET,
      env: { ...process.env, HOME: await homeThatTrusts(servers) },
    });
  });
  after('the browser ends', () => browser?.close());
  afterEach(() => Promise.all(open.splice(0).map(context => context.close())));

  async function visit(path: string, options: Parameters<Browser['newContext']>[0] = {}): Promise<Visit> {
    const context = await browser.newContext(options);
    open.push(context);
    const page = await context.newPage();
    const requests: string[] = [];
    const complaints: string[] = [];
    page.on('request', request => {
      if (!request.url().startsWith('data:')) requests.push(request.url());
    });
    page.on('console', message => complaints.push(message.text()));
    page.on('pageerror', error => complaints.push(error.message));
    await page.goto(`http://localhost:${servers.port('http')}${path}`);
    return { page, requests, complaints };
  }

  it('is sent by http from plaintext to TLS on the same port, and trusts the certificate', async () => {
    const { page, requests, complaints } = await visit('/?a=b');
    const place = `//localhost:${servers.port('http')}/?a=b`;
    expect(requests).to.deep.equal([`http:${place}`, `https:${place}`]);
    expect(page.url()).to.equal(`https:${place}`);
    expect(complaints).to.deep.equal([]);
  });

  it('shows what http negotiated, without script', async () => {
    const { page } = await visit('/', { javaScriptEnabled: false });
    expect(await page.title()).to.equal('Encrypted - Sallyport');
    const facts = await page.locator('dl').allInnerTexts();
    const text = facts.join('\n').replaceAll('\n\n', '\n');
    for (const fact of ['TLSv1.3', 'TLS_AES_', 'localhost', 'http/1.1', 'resumed']) {
      expect(text).to.contain(fact);
    }
  });

  it('styles the page of http, in both colour schemes and at both widths, and nothing sticks out', async () => {
    const grounds = new Set<string>();
    for (const colorScheme of ['light', 'dark'] as const) {
      for (const width of [400, 1400]) {
        const { page, complaints } = await visit('/', { colorScheme, viewport: { width, height: 900 } });
        const [ground, ink, scroll] = await page.evaluate<readonly [string, string, number]>(LOOKS);
        grounds.add(ground);
        expect(brightness(ground) > brightness(ink), `${colorScheme} ${ground} ${ink}`).to.equal(
          colorScheme === 'light',
        );
        expect(scroll).to.equal(width);
        expect(complaints).to.deep.equal([]);
      }
    }
    expect(grounds.size).to.equal(2);
  });

  it('is told by http that there is no other page', async () => {
    const { page, requests } = await visit('/nothing');
    expect(requests.length).to.equal(2);
    expect(await page.locator('body').innerText()).to.match(/^404 Not Found/);
  });
}

/** A home whose browsers trust the servers' authority, and no other setting. */
async function homeThatTrusts(servers: Servers): Promise<string> {
  const home = servers.path('home');
  const database = `${home}/.pki/nssdb`;
  mkdirSync(database, { recursive: true });
  for (const args of [
    ['-N', '--empty-password'],
    ['-A', '-t', 'C,,', '-n', 'interop', '-i', servers.caFile],
  ]) {
    const { status, transcript } = await runClient('certutil', ['-d', `sql:${database}`, ...args]);
    expect(status, transcript).to.equal(0);
  }
  return home;
}

/** From 0 to 255, of `rgb(…)`. */
function brightness(color: string): number {
  const channels = (color.match(/\d+/g) ?? []).slice(0, 3).map(Number);
  return channels.reduce((sum, channel) => sum + channel, 0) / 3;
}
