import { expect } from 'chai';

/** A logger, as nodemailer and imapflow take one, that keeps what was said on the wire and about it. */
export class WireLog {
  readonly lines: string[] = [];

  trace(...said: readonly unknown[]): void {
    this.#keep(said);
  }

  debug(...said: readonly unknown[]): void {
    this.#keep(said);
  }

  info(...said: readonly unknown[]): void {
    this.#keep(said);
  }

  warn(...said: readonly unknown[]): void {
    this.#keep(said);
  }

  error(...said: readonly unknown[]): void {
    this.#keep(said);
  }

  fatal(...said: readonly unknown[]): void {
    this.#keep(said);
  }

  level(): void {}

  /** Groups are for the eye: all patterns must be found, one line after the other. */
  expectInOrder(...groups: readonly (readonly (string | RegExp)[])[]): void {
    let next = 0;
    for (const pattern of groups.flat()) {
      const found = this.lines.findIndex(
        (line, at) => at >= next && (typeof pattern === 'string' ? line === pattern : pattern.test(line)),
      );
      expect(found, `${pattern} comes next in\n${this.lines.join('\n')}\n`).to.be.at.least(next);
      next = found + 1;
    }
  }

  /** nodemailer gives an entry whose `tnx` tells who speaks, then the message. */
  #keep([entry, ...said]: readonly unknown[]): void {
    const { tnx, src, msg } = Object(entry) as { readonly [key in 'tnx' | 'src' | 'msg']?: string };
    const text = said.join(' ');
    if (tnx === 'client' || tnx === 'server') this.lines.push(`${tnx}: ${text}`);
    else if (src === 'c' || src === 's')
      this.lines.push(`${src === 'c' ? 'client' : 'server'}: ${msg ?? text}`);
    else this.lines.push(`${msg ?? text}`);
  }
}
