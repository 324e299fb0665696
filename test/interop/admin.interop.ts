import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { type Browser, type BrowserContext, chromium, type Page } from 'playwright-core';
import { protocols } from '../../protocol/index.ts';
import { type Admin, startAdmin } from '../../src/admin/admin.ts';
import { issueCertificate } from '../../src/net/certificate-issuer.ts';
import { createServer, type Server } from '../../src/server.ts';
import { readExposition, sumOf } from '../support/exposition.ts';
import { type Destination, traffic } from '../support/traffic.ts';
import { describeClient } from './support/needed-client.ts';

const TOKEN = 'correct-horse-battery-staple';

const QUIET = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

/** Clients while the page is looked at. */
const CLIENTS = 400;

describeClient('chromium', testPage);

function testPage(): void {
  let browser: Browser;
  let servers: readonly Server[];
  let destinations: readonly Destination[];
  let folder: string;
  const admins: Admin[] = [];
  const open: BrowserContext[] = [];

  before('the browser and the servers start', async () => {
    folder = process.env['SALLYPORT_PICTURES'] ?? mkdtempSync(join(tmpdir(), 'sallyport-admin-'));
    servers = await started();
    destinations = servers.map(({ protocol, address }) => ({ protocol, port: address?.port ?? 0 }));
    browser = await chromium.launch({ executablePath: '/usr/bin/chromium', args: QUIET });
  });
  after('they end', async () => {
    await browser?.close();
    await Promise.all([...admins, ...servers].map(each => each.close()));
    if (process.env['SALLYPORT_PICTURES'] === undefined) rmSync(folder, { recursive: true, force: true });
  });
  afterEach(() => Promise.all(open.splice(0).map(context => context.close())));

  async function admin(token?: string): Promise<Admin> {
    const address = { host: '127.0.0.1', port: 0 };
    const made = await startAdmin({ servers, address, ...(token === undefined ? {} : { token }) });
    admins.push(made);
    return made;
  }

  /** Looks at the page of an admin, as a person with the developer tools open would. */
  async function visit(to: Admin, options: Parameters<Browser['newContext']>[0] = {}): Promise<Visit> {
    const context = await browser.newContext(options);
    open.push(context);
    const page = await context.newPage();
    const requests: string[] = [];
    const complaints: string[] = [];
    page.on('request', request => requests.push(request.url()));
    page.on('console', message => complaints.push(message.text()));
    page.on('pageerror', error => complaints.push(error.message));
    const origin = `http://127.0.0.1:${to.address?.port}`;
    await page.goto(`${origin}/`);
    return { page, requests, complaints, origin };
  }

  it('shows what goes on under load, in both colour schemes and at both widths', async () => {
    const to = await admin();
    const load = traffic(destinations, CLIENTS);
    const looks = LOOKS.map(async ({ name, width, colorScheme }) => {
      const seen = await visit(to, { colorScheme, viewport: { width, height: 900 } });
      return { name, width, ...seen };
    });
    await load;
    for (const { name, width, page, requests, complaints, origin } of await Promise.all(looks)) {
      await page
        .locator('#funnel li', { hasText: 'Connected' })
        .getByText(String(CLIENTS), { exact: true })
        .waitFor();
      await page.screenshot({ path: join(folder, `${name}.png`), fullPage: true });
      expect(complaints, name).to.deep.equal([]);
      expect(
        requests.filter(url => !url.startsWith(`${origin}/`)),
        name,
      ).to.deep.equal([]);
      expect(await page.evaluate('document.documentElement.scrollWidth'), name).to.equal(width);
      const [ground, ink] = await page.evaluate<readonly [string, string]>(COLOURS);
      expect(brightness(ground) > brightness(ink), `${name}: ${ink} on ${ground}`).to.equal(
        name.startsWith('light'),
      );
      expect(await page.evaluate(DRAWN), name).to.deep.equal([true, true, true]);
    }
  });

  it('says the same as the metrics', async () => {
    const to = await admin();
    const { page, origin } = await visit(to);
    await traffic(destinations, protocols.length);
    const families = async () => readExposition(await (await fetch(`${origin}/metrics`)).text());
    while (sumOf(await families(), 'sallyport_open_connections') > 0) await new Promise(setImmediate);
    const secured = sumOf(await families(), 'sallyport_handshakes_total');
    expect(secured).to.be.greaterThan(0);
    await page
      .locator('#funnel li', { hasText: 'Secured' })
      .getByText(String(secured), { exact: true })
      .waitFor();
    const rows = page.locator('#listeners tr');
    expect(await rows.count()).to.equal(protocols.length);
    const codes = (await families()).get('sallyport_failures_total')?.samples ?? [];
    for (const { labels } of codes)
      await page.locator('#failures', { hasText: labels['code'] ?? '' }).waitFor();
    await page.locator('#certificates tr', { hasText: 'old.example.org' }).getByText('renew now').waitFor();
  });

  it('can be used without a mouse', async () => {
    const { page } = await visit(await admin());
    await traffic(destinations.slice(0, 1), 5);
    await page.locator('#funnel-of option').nth(1).waitFor({ state: 'attached' });
    const focus = () => page.evaluate('document.activeElement.id || document.activeElement.className');
    await page.keyboard.press('Tab');
    expect(await focus()).to.equal('skip');
    await page.keyboard.press('Enter');
    expect(await focus()).to.equal('main');
    await page.keyboard.press('Tab');
    expect(await focus()).to.equal('funnel-of');
    await page.keyboard.press('l');
    await page.locator('#funnel li', { hasText: 'Connected' }).getByText('0', { exact: true }).waitFor();
    await page.keyboard.press('Home');
    await page.locator('#funnel li', { hasText: 'Connected' }).getByText('5', { exact: true }).waitFor();
  });

  it('asks for the token, until it is the right one', async () => {
    const { page } = await visit(await admin(TOKEN));
    await page.getByLabel('shows its figures for a token').waitFor();
    expect(await page.locator('main').isVisible()).to.equal(false);
    await page.keyboard.type('not-the-token-at-all');
    await page.keyboard.press('Enter');
    await page.getByText('This is not the token.').waitFor();
    await page.keyboard.type(TOKEN);
    await page.keyboard.press('Enter');
    await page.locator('#listeners tr').first().waitFor();
    expect(await page.locator('#token').isVisible()).to.equal(false);
    await page.reload();
    await page.locator('#listeners tr').first().waitFor();
    expect(page.url()).to.not.contain(TOKEN);
  });

  it('says when it has lost contact, and when it is back', async () => {
    const first = await admin();
    const { page } = await visit(first);
    const contact = page.locator('#contact');
    await contact.getByText('Live').waitFor();
    const port = first.address?.port ?? 0;
    await first.close();
    await contact.getByText(/^No contact since \d\d:\d\d:\d\d/).waitFor();
    expect(await page.title()).to.equal('No contact - Sallyport');
    await page.screenshot({ path: join(folder, 'no-contact.png') });
    admins.push(await startAdmin({ servers, address: { host: '127.0.0.1', port } }));
    await contact.getByText('Live').waitFor();
    expect(await page.title()).to.equal('Sallyport');
  });
}

const LOOKS = (['light', 'dark'] as const).flatMap(colorScheme =>
  [400, 1400].map(width => ({ name: `${colorScheme}-${width}`, colorScheme, width })),
);

/** Run in the page: the colours behind and of its text. */
const COLOURS = `(() => {
  const { backgroundColor, color } = getComputedStyle(document.body);
  return [backgroundColor, color];
})()`;

/** Run in the page: whether there is anything in each chart. */
const DRAWN = `[...document.querySelectorAll('.plot canvas')].map(canvas =>
  canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data.some(byte => byte > 0))`;

/** From 0 to 255, of `rgb(…)`. */
function brightness(color: string): number {
  const channels = (color.match(/\d+/g) ?? []).slice(0, 3).map(Number);
  return channels.reduce((sum, channel) => sum + channel, 0) / 3;
}

interface Visit {
  readonly page: Page;
  readonly requests: readonly string[];
  readonly complaints: readonly string[];
  readonly origin: string;
}

/** A server for each protocol, with two certificates of which one is about to expire. */
async function started(): Promise<readonly Server[]> {
  const certificate = await issueCertificate({
    commonName: 'mail.example.org',
    days: 76,
    names: ['localhost'],
  });
  const expiring = await issueCertificate({
    commonName: 'old.example.org',
    days: 5,
    names: ['old.example.org'],
  });
  const servers = protocols.map(protocol =>
    createServer(
      { protocol, certificate, certificates: [expiring], hostname: 'mail.example.org', maxPerAddress: 0 },
      session => session.stream.resume().on('end', () => session.stream.end()) && undefined,
    ),
  );
  for (const server of servers) await server.listen({ port: 0 });
  return servers;
}
