import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';

export interface ClientOptions {
  /** Given to the client at once, after which its input ends. Default: its input stays open. */
  readonly input?: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  /** When it has not ended after so many milliseconds it is killed. Default 20 s. */
  readonly timeout?: number;
}

export interface ClientResult {
  /** `undefined` when a signal ended it. */
  readonly status: number | undefined;
  readonly stdout: string;
  readonly stderr: string;
  /** Both, as they came, after the command: for messages. */
  readonly transcript: string;
}

/** A client that asks the same question for ever is not listened to for ever. */
const MAX_OUTPUT = 200_000;

/** Runs a client to its end. */
export function runClient(
  command: string,
  args: readonly string[],
  options: ClientOptions = {},
): Promise<ClientResult> {
  return new ClientProcess(command, args, { input: '', ...options }).result;
}

/** A client that runs, for conversations with it. Text is latin1. */
export class ClientProcess {
  readonly result: Promise<ClientResult>;
  readonly #child: ChildProcess;
  #stdout = '';
  #stderr = '';
  #transcript: string;
  #heardTo = 0;
  #over = false;

  constructor(command: string, args: readonly string[], { input, env, cwd, timeout }: ClientOptions = {}) {
    this.#transcript = `$ ${[command, ...args].join(' ')}\n`;
    this.#child = spawn(command, args, {
      env: { ...process.env, LC_ALL: 'C', ...env },
      ...(cwd === undefined ? {} : { cwd }),
    });
    this.#child.stdin?.on('error', () => {}); // EPIPE: a client that ended early says why itself
    this.#child.stdout?.setEncoding('latin1').on('data', (text: string) => {
      this.#stdout += text;
      this.#said(text);
    });
    this.#child.stderr?.setEncoding('latin1').on('data', (text: string) => {
      this.#stderr += text;
      this.#said(text);
    });
    if (input !== undefined) this.#child.stdin?.end(input, 'latin1');
    this.result = this.#ended(timeout ?? 50_000);
  }

  /** Resolves when the pattern appears in the output behind what was heard before; rejects if the client ends first. */
  async heard(pattern: RegExp): Promise<string> {
    for (;;) {
      const match = pattern.exec(this.#transcript.slice(this.#heardTo));
      if (match !== null) {
        this.#heardTo += match.index + match[0].length;
        return match[0];
      }
      if (this.#over) throw new Error(`${pattern} was not heard:\n${this.#transcript}`);
      await Promise.race([this.#somethingSaid(), this.result]);
    }
  }

  say(text: string): void {
    this.#child.stdin?.write(text, 'latin1');
  }

  /** As from the keyboard: Ctrl-C is SIGINT. */
  signal(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }

  /** Ends the client's input, and waits for its end. */
  hangUp(): Promise<ClientResult> {
    this.#child.stdin?.end();
    return this.result;
  }

  #said(text: string): void {
    this.#transcript += text;
    if (this.#transcript.length > MAX_OUTPUT) this.#kill(`more than ${MAX_OUTPUT} bytes said`);
  }

  #kill(reason: string): void {
    if (!this.#child.kill('SIGKILL')) return;
    this.#transcript += `\n(killed: ${reason})\n`;
  }

  async #ended(timeout: number): Promise<ClientResult> {
    const deadline = setTimeout(() => this.#kill(`not over after ${timeout} ms`), timeout);
    const [status] = await once(this.#child, 'close').finally(() => clearTimeout(deadline));
    this.#over = true;
    return {
      status: typeof status === 'number' ? status : undefined,
      stdout: this.#stdout,
      stderr: this.#stderr,
      transcript: `${this.#transcript}\n(status ${status})\n`,
    };
  }

  async #somethingSaid(): Promise<void> {
    const { stdout, stderr } = this.#child;
    await new Promise<void>(resolve => {
      const said = () => {
        stdout?.off('data', said);
        stderr?.off('data', said);
        resolve();
      };
      stdout?.on('data', said);
      stderr?.on('data', said);
    });
  }
}
