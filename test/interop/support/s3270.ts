import { ClientProcess } from './client-process.ts';

/** A terminal without a screen: it takes actions, one a line, and answers each with data and `ok`. */
export class S3270 {
  readonly #client: ClientProcess;

  /** Connects to a port of localhost, upgrades by START_TLS, and verifies the certificate. */
  constructor(port: number, caFile: string) {
    this.#client = new ClientProcess('s3270', ['-nvt', '-cafile', caFile, `localhost:${port}`]);
  }

  /** Waits until the text is there, half a minute at most. */
  async expect(text: string): Promise<void> {
    await this.#act(`Expect("${text}",30)`);
  }

  /** Types a line. */
  async type(line: string): Promise<void> {
    await this.#act(`String("${line}\\n")`);
  }

  /** Waits for `said` in the answer to an action. */
  async answers(action: string, said: RegExp): Promise<void> {
    this.#client.say(`${action}\n`);
    await this.#client.heard(said);
    await this.#client.heard(/^ok$/m);
  }

  /** Waits for what it says of its own accord. */
  async says(said: RegExp): Promise<void> {
    await this.#client.heard(said);
  }

  async quit(): Promise<void> {
    this.#client.say('Quit()\n');
    await this.#client.result;
  }

  async #act(action: string): Promise<void> {
    this.#client.say(`${action}\n`);
    await this.#client.heard(/^ok$/m);
  }
}
