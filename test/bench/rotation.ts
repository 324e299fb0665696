import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Command, InvalidArgumentError } from 'commander';
import { issueCertificate } from '../../src/net/certificate-issuer.ts';
import { CommandProcess } from '../support/command.ts';
import { folderWith, removeFolders } from '../support/folder.ts';
import { WireClient } from '../support/wire-client.ts';

/**
 * What the renewal of certificates costs clients: the command serves from a directory in which a certificate is replaced
 * every second, with SIGHUP, while clients upgrade at a steady rate, half of them with a ticket from the very beginning.
 */
interface Plan {
  readonly seconds: number;
  readonly rate: number;
  readonly sessions: number;
}

const plan = new Command('rotation')
  .option('--seconds <count>', 'for so long', wholeNumber, 60)
  .option('--rate <count>', 'upgrades a second', wholeNumber, 200)
  .option('--sessions <count>', 'sessions that stand all the time', wholeNumber, 20)
  .parse()
  .opts<Plan>();

const authority = await issueCertificate({ commonName: 'rotation', days: 2, usage: 'authority' });
const issue = (count: number) =>
  issueCertificate({ commonName: `${count}`, days: 2, names: ['localhost'] }, authority);
const first = await issue(0);
const folder = await folderWith({ 'a.pem': first.cert + first.key });
const command = new CommandProcess([
  ...['serve', 'line', '--port', '0', '--max-per-address', '0'],
  ...['--cert-directory', folder, '--log-level', 'warn'],
]);
try {
  const port = Number((await command.until(/127\.0\.0\.1:(\d+)/))[1]);
  console.log(JSON.stringify(await rotate(port), undefined, 2));
} finally {
  command.kill('SIGKILL');
  await command.exit();
  await removeFolders();
}

async function rotate(port: number) {
  const standing = await Promise.all(Array.from({ length: plan.sessions }, () => secured(port)));
  const [ticket] = standing.flatMap(({ ticket: own }) => own ?? []);
  const counts = { upgrades: 0, failed: 0, resumed: 0, notResumed: 0, rotations: 0, certificatesSeen: 0 };
  const seen = new Set<string>();
  const late: number[] = [];
  const visit = async (session: Buffer | undefined) => {
    const from = performance.now();
    try {
      const { client, resumed, subject } = await secured(port, session);
      client.destroy();
      counts.upgrades += 1;
      if (session !== undefined) counts[resumed ? 'resumed' : 'notResumed'] += 1;
      else seen.add(subject);
    } catch {
      counts.failed += 1;
    }
    late.push(performance.now() - from);
  };
  const visits: Promise<void>[] = [];
  const begun = performance.now();
  let next = begun + 1000;
  for (let elapsed = 0; elapsed < plan.seconds; elapsed = (performance.now() - begun) / 1000) {
    while (visits.length < elapsed * plan.rate)
      visits.push(visit(visits.length % 2 === 0 ? ticket : undefined));
    if (performance.now() >= next) {
      next += 1000;
      counts.rotations += 1;
      const { cert, key } = await issue(counts.rotations);
      await writeFile(join(folder, 'a.pem'), cert + key);
      command.kill('SIGHUP');
    }
    await new Promise(resolve => setTimeout(resolve, 10));
  }
  await Promise.all(visits);
  const alive = await Promise.all(standing.map(async ({ client }) => answers(client)));
  late.sort((one, other) => one - other);
  return {
    ...counts,
    certificatesSeen: seen.size,
    sessionsCut: alive.filter(each => !each).length,
    sessions: standing.length,
    p50: Math.round(late[Math.floor(late.length / 2)] ?? 0),
    p99: Math.round(late[Math.floor(late.length * 0.99)] ?? 0),
  };
}

async function secured(port: number, session?: Buffer) {
  const client = await WireClient.connect(port);
  await client.until(/ready\r\n/);
  client.say('STARTTLS\r\n');
  await client.until('Begin TLS\r\n');
  const secure = await client.startTls({ rejectUnauthorized: false, ...(session && { session }) });
  const resumed = secure.isSessionReused();
  const subject = String(secure.getPeerCertificate().subject?.CN);
  const ticket = new Promise<Buffer>(resolve => secure.once('session', resolve));
  if (!(await answers(client))) throw new Error('no answer');
  return { client, resumed, subject, ticket: session === undefined ? await ticket : undefined };
}

async function answers(client: WireClient): Promise<boolean> {
  client.say('NOOP\r\n');
  return client.until(/\r\n/).then(
    () => true,
    () => false,
  );
}

function wholeNumber(text: string): number {
  if (!/^[1-9]\d{0,5}$/.test(text)) throw new InvalidArgumentError('A whole number.');
  return Number(text);
}
