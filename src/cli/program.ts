import { Command } from 'commander';
import { version } from '../version.ts';
import { checkCommand } from './check.ts';
import { probeCommand } from './probe.ts';
import { proxyCommand } from './proxy.ts';
import { runCommand } from './run.ts';
import { serveCommand } from './serve.ts';

/** The whole command line; made anew for each run, as tests read its help. */
export function program(): Command {
  const sallyport = new Command('sallyport')
    .description('In-band TLS (STARTTLS) for line protocols.')
    .version(version())
    .showHelpAfterError('(add --help to see what there is)')
    .exitOverride()
    .addHelpText('after', EXAMPLES);
  for (const command of [serveCommand(), proxyCommand(), probeCommand(), runCommand(), checkCommand()]) {
    sallyport.addCommand(command.copyInheritedSettings(sallyport));
  }
  return sallyport;
}

const EXAMPLES = `
Examples:
  sallyport serve
  sallyport serve smtp imap --cert chain.pem --key key.pem
  sallyport proxy smtp --to 127.0.0.1:2525
  sallyport probe smtp://mail.example.org
  sallyport run --config sallyport.yaml`;
