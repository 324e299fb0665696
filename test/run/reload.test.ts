import type { Buffer } from 'node:buffer';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { expect } from 'chai';
import { issueCertificate } from '../../src/net/certificate-issuer.ts';
import type { Certificate } from '../../src/options.ts';
import { folderWith, removeFolders } from '../support/folder.ts';
import { echo, type LoadFigures, RunningService, upgraded, upgrades } from '../support/reload-load.ts';
import { LONG } from '../support/scale.ts';
import type { WireClient } from '../support/wire-client.ts';

/** The short one is small enough for any machine: what it finds is what goes wrong at once. */
const LOAD = LONG ? { rate: 200, reloads: 60 } : { rate: 20, reloads: 3 };
const BETWEEN_RELOADS = 1000;
const OPEN_SESSIONS = 20;
/** Of the certificates, which take turns. */
const NAMES = ['even', 'odd'];

describe(`a reload every second under ${LOAD.rate} upgrades a second`, function () {
  this.timeout(LONG ? 600_000 : 120_000);
  let folder: string;
  let service: RunningService | undefined;
  const sessions: WireClient[] = [];
  const enough = new AbortController();
  let certificates: readonly Certificate[];

  before(async () => {
    folder = await folderWith({
      'echo.mjs':
        'export default async s => { for await (const l of s.lines()) await s.writeLine("echo " + l); };',
    });
    certificates = await Promise.all(
      NAMES.map(commonName => issueCertificate({ commonName, days: 2, names: ['localhost'] })),
    );
  });
  after(async () => {
    enough.abort();
    for (const session of sessions) session.destroy();
    service?.kill();
    await removeFolders();
  });

  /** Each time another certificate and another name; every second time one more listener. */
  async function configure(turn: number): Promise<void> {
    const { cert, key } = certificates[turn % 2] ?? {};
    await writeFile(join(folder, 'now.pem'), `${cert}${key}`);
    const more = turn % 2 === 0 ? '' : "  - { protocol: line, address: '127.0.0.1:0' }\n";
    const times = 'timeouts: { command: 10m, dialogue: 10m, handshake: 10m, idle: 0 }';
    const text = `certificates: [{ cert: now.pem }]
listeners:
  - { protocol: smtp, address: '127.0.0.1:0', hostname: turn-${turn}.example.org, app: echo.mjs, ${times} }
${more}limits: { per-address: 0 }
log: { format: json }
`;
    await writeFile(join(folder, 'sallyport.yaml'), text);
  }

  it('fails no handshake, cuts no session, and takes the tickets of before', async () => {
    await configure(0);
    service = new RunningService(join(folder, 'sallyport.yaml'));
    await service.ready();
    const [port = 0] = service.ports;
    for (let count = 0; count < OPEN_SESSIONS; count += 1) sessions.push((await upgraded(port)).client);
    const ticket = await ticketOf(port);

    const begun = performance.now();
    const loading = upgrades({ rate: LOAD.rate, enough: enough.signal, port, ticket });
    for (let turn = 1; turn <= LOAD.reloads; turn += 1) {
      const next = pause(BETWEEN_RELOADS);
      await configure(turn);
      await service.reload();
      await Promise.all(sessions.map(session => echo(session, `after ${turn}`)));
      expect(await nameAt(port)).to.equal(NAMES[turn % 2]);
      await next;
    }
    enough.abort();
    const seconds = Math.round((performance.now() - begun) / 1000);
    const figures = await loading;
    const cut = sessions.filter(({ closed, ended }) => closed || ended).length;

    if (LONG) tell(figures, { cut, seconds });
    expect(figures.failures).to.deep.equal([]);
    expect(figures.upgrades).to.be.greaterThan(0);
    expect(figures.resumed).to.equal(figures.withTicket).and.greaterThan(0);
    expect(cut).to.equal(0);
    for (const session of sessions) session.destroy();
    expect(await service.stop()).to.equal(0);
    expect(
      [...service.faults.keys()].filter(code => /HANDSHAKE|TLS|INTERNAL|SHUTTING/.test(code)),
    ).to.deep.equal([]);
  });

  async function ticketOf(port: number): Promise<Buffer> {
    const { client, secure } = await upgraded(port);
    // The ticket comes before whatever the server says.
    await echo(client, 'a ticket, please');
    const session = secure.getSession();
    client.destroy();
    if (session === undefined) throw new Error('no session');
    return session;
  }

  async function nameAt(port: number): Promise<string> {
    const { client, secure } = await upgraded(port);
    const { subject } = secure.getPeerCertificate();
    // Who leaves sooner has left a handshake unfinished, as the server sees it.
    await echo(client, 'the name, please');
    client.destroy();
    return String(subject.CN);
  }
});

function tell(figures: LoadFigures, { cut, seconds }: { cut: number; seconds: number }): void {
  const { upgrades: done, failures, withTicket, resumed } = figures;
  const sorted = [...figures.times].sort((a, b) => a - b);
  const at = (part: number) => Math.round(sorted[Math.floor(part * (sorted.length - 1))] ?? 0);
  console.log({
    reloads: LOAD.reloads,
    seconds,
    upgrades: done,
    failed: failures.length,
    openSessions: OPEN_SESSIONS,
    cut,
    withTicket,
    resumed,
    p50: at(0.5),
    p99: at(0.99),
    max: at(1),
  });
}
