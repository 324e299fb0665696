import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { protocols } from '../../protocol/index.ts';
import { type TestCertificates, testCertificates } from '../support/certificates.ts';
import { type Dialect, dialectOf, SMALL } from './dialect.ts';
import {
  type Answer,
  HANDSHAKE_TIMEOUT,
  programme,
  type Question,
  type Settings,
  type Specification,
} from './target-process.ts';

/** A server that is put to the test: where it is, how to speak with it, and how it fares. */
export interface Target {
  readonly title: string;
  readonly dialect: Dialect;
  readonly port: number;
  readonly certificates: TestCertificates;
  /** When a handshake must be over, in milliseconds. */
  readonly handshakeTimeout: number;
  /** The same server with other settings, on another port. */
  another(settings: Settings): Promise<Target>;
  /** Has the server load its certificate anew; absent where it cannot. */
  readonly reload: (() => Promise<void>) | undefined;
  /** Whether the server's process runs and answers. */
  isAlive(): Promise<boolean>;
  /** How many descriptors the server's process has open. */
  descriptors(): Promise<number>;
}

/** A process in which targets serve: should one of them abort, it is this process that is gone. */
export class TargetProcess {
  readonly #child: ChildProcess;
  readonly #waiting = new Map<number, (answer: Answer) => void>();
  #count = 0;

  constructor() {
    // An abort writes a native stack trace, which belongs to no test report.
    this.#child = fork(programme, { stdio: ['ignore', 'ignore', 'ignore', 'ipc'] });
    this.#child.on('message', (answer: Answer) => {
      this.#waiting.get(answer.id)?.(answer);
      this.#waiting.delete(answer.id);
    });
    this.#child.on('error', () => {}); // of asking a process that is gone; `exit` tells it
    this.#child.on('exit', () => {
      for (const [id, done] of this.#waiting) done({ id, failure: `ended by ${this.#child.signalCode}` });
      this.#waiting.clear();
    });
  }

  async serve(specification: Specification, settings: Settings = {}): Promise<Target> {
    const certificates = await testCertificates();
    const credentials = { certificate: certificates.server, ca: certificates.authority.cert };
    const port = await this.#ask({ ask: 'serve', specification, settings, ...credentials });
    const small = specification.kind === 'small';
    return {
      title: titleOf(specification),
      dialect: dialectFor(specification),
      port,
      certificates,
      handshakeTimeout: settings.handshakeTimeout ?? HANDSHAKE_TIMEOUT,
      another: others => this.serve(specification, { ...settings, ...others }),
      reload: small ? () => this.#reload(port, certificates) : undefined,
      isAlive: () =>
        this.#ask({ ask: 'descriptors' }).then(
          () => true,
          () => false,
        ),
      descriptors: () => this.#ask({ ask: 'descriptors' }),
    };
  }

  async stop(): Promise<void> {
    if (this.#gone) return;
    const exit = once(this.#child, 'exit');
    this.#child.disconnect();
    await exit;
  }

  get #gone(): boolean {
    return !this.#child.connected || this.#child.exitCode !== null || this.#child.signalCode !== null;
  }

  async #reload(port: number, certificates: TestCertificates): Promise<void> {
    await this.#ask({ ask: 'reload', port, certificate: certificates.server });
  }

  async #ask(question: Question): Promise<number> {
    if (this.#gone) throw new Error(`the server's process was ended by ${this.#child.signalCode}`);
    this.#count += 1;
    const id = this.#count;
    const { answer, failure } = await new Promise<Answer>(resolve => {
      this.#waiting.set(id, resolve);
      this.#child.send({ id, question });
    });
    if (answer === undefined) throw new Error(failure);
    return answer;
  }
}

function titleOf(specification: Specification): string {
  if (specification.kind === 'sallyport') return `Sallyport's ${specification.protocol}`;
  return specification.fault ?? 'the right server';
}

function dialectFor(specification: Specification): Dialect {
  if (specification.kind === 'small') return SMALL;
  const protocol = protocols.find(({ name }) => name === specification.protocol);
  if (protocol === undefined) throw new Error(`no protocol ${specification.protocol}`);
  return dialectOf(protocol, specification.application);
}
