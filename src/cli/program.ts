import { readFileSync } from 'node:fs';
import { Command } from 'commander';
import { proxyCommand } from './proxy.ts';
import { serveCommand } from './serve.ts';

/** The whole command line; made anew for each run, as tests read its help. */
export function program(): Command {
  const sallyport = new Command('sallyport')
    .description('In-band TLS (STARTTLS) for line protocols.')
    .version(version())
    .showHelpAfterError('(add --help to see what there is)')
    .exitOverride()
    .addHelpText('after', EXAMPLES);
  return sallyport
    .addCommand(serveCommand().copyInheritedSettings(sallyport))
    .addCommand(proxyCommand().copyInheritedSettings(sallyport));
}

const EXAMPLES = `
Examples:
  sallyport serve
  sallyport serve smtp imap --cert chain.pem --key key.pem
  sallyport proxy smtp --to 127.0.0.1:2525`;

function version(): string {
  // Two folders up in the sources, three in the build.
  for (const up of ['../../', '../../../']) {
    try {
      const text = readFileSync(new URL(`${up}package.json`, import.meta.url), 'utf8');
      return String(JSON.parse(text).version);
    } catch {}
  }
  return 'unknown';
}
