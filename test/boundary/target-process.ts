import { Buffer } from 'node:buffer';
import { readdirSync } from 'node:fs';
import { argv } from 'node:process';
import { fileURLToPath } from 'node:url';
import { protocols } from '../../protocol/index.ts';
import type { Session } from '../../src/net/session.ts';
import type { Certificate } from '../../src/options.ts';
import { createServer } from '../../src/server.ts';
import { type Fault, WrongServer } from './wrong-server.ts';

/** What a check may want otherwise. */
export interface Settings {
  readonly clientCertificate?: 'none' | 'require';
  readonly minVersion?: 'TLSv1.2' | 'TLSv1.3';
  readonly handshakeTimeout?: number;
  /** Sallyport's own. */
  readonly plaintextAfterUpgrade?: 'refuse' | 'discard';
}

/** Which server to start. */
export type Specification =
  | { readonly kind: 'sallyport'; readonly protocol: string; readonly application: boolean }
  | { readonly kind: 'small'; readonly fault: Fault | undefined };

export interface Credentials {
  readonly certificate: Certificate;
  readonly ca: string;
}

/** What the test asks of the process; each is answered by one number. */
export type Question =
  /** The port. */
  | ({
      readonly ask: 'serve';
      readonly specification: Specification;
      readonly settings: Settings;
    } & Credentials)
  | { readonly ask: 'reload'; readonly port: number; readonly certificate: Certificate }
  /** How many descriptors are open. */
  | { readonly ask: 'descriptors' };

export interface Answer {
  readonly id: number;
  readonly answer?: number;
  readonly failure?: string;
}

export const HANDSHAKE_TIMEOUT = 1000;

/** Connections at once: few, so that places that are not given back are soon missed. */
const PLACES = 128;

/** The file that is run as the process. */
export const programme = fileURLToPath(import.meta.url);

const small = new Map<number, WrongServer>();

async function answer(question: Question): Promise<number> {
  if (question.ask === 'descriptors') return readdirSync('/proc/self/fd').length;
  if (question.ask === 'reload') {
    small.get(question.port)?.reload(question.certificate);
    return question.port;
  }
  const { specification, settings, certificate, ca } = question;
  if (specification.kind === 'sallyport') return serveSallyport(specification, settings, { certificate, ca });
  const server = new WrongServer({
    ca,
    certificate,
    clientCertificate: settings.clientCertificate ?? 'none',
    minVersion: settings.minVersion ?? 'TLSv1.2',
    handshakeTimeout: settings.handshakeTimeout ?? HANDSHAKE_TIMEOUT,
    fault: specification.fault,
  });
  const port = await server.listen();
  small.set(port, server);
  return port;
}

async function serveSallyport(
  specification: Extract<Specification, { kind: 'sallyport' }>,
  settings: Settings,
  credentials: Credentials,
): Promise<number> {
  const protocol = protocols.find(({ name }) => name === specification.protocol);
  if (protocol === undefined) throw new Error(`no protocol ${specification.protocol}`);
  const server = createServer(
    {
      protocol,
      hostname: 'mail.example.org',
      handshakeTimeout: HANDSHAKE_TIMEOUT,
      maxPerAddress: 0,
      maxConnections: PLACES,
      ...credentials,
      ...settings,
    },
    specification.application ? brackets : undefined,
  );
  return (await server.listen({ port: 0 })).port;
}

/** Says back all that it was given, in brackets, when the client is done: so that a byte too many shows. */
async function brackets({ stream }: Session): Promise<void> {
  const given: Buffer[] = [];
  // Without the option the end of the loop would destroy the stream that is yet to be written to.
  for await (const data of stream.iterator({ destroyOnReturn: false })) given.push(data);
  stream.write(`[${Buffer.concat(given).toString('latin1')}]`, 'latin1');
}

function answerQuestions(): void {
  process.on('message', ({ id, question }: { id: number; question: Question }) => {
    answer(question).then(
      number => process.send?.({ id, answer: number } satisfies Answer),
      error => process.send?.({ id, failure: String(error) } satisfies Answer),
    );
  });
  process.on('disconnect', () => process.exit());
}

if (argv[1] === programme) answerQuestions();
