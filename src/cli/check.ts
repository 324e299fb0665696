import { Command } from 'commander';
import { protocols } from '../../protocol/index.ts';
import type { Configuration } from '../config/configuration.ts';
import { mistakeText } from '../config/mistake.ts';
import { readConfiguration } from '../config/read-configuration.ts';
import { silent } from '../log.ts';
import { ServiceCertificates } from '../run/service-certificates.ts';
import { exitStatuses } from './exit-status.ts';
import { adminText, listenerText } from './listener-text.ts';

const EXAMPLES = `
Examples:
  sallyport check /etc/sallyport/sallyport.yaml
      sallyport.yaml:4:7: there is no key "adress" in item 1 of "listeners"; did you mean "address"?
  sallyport check sallyport.yaml && kill -HUP "$(cat sallyport.pid)"`;

export function checkCommand(): Command {
  return new Command('check')
    .description('Check a configuration: print every mistake in it, or else what it would do.')
    .argument('<file>', 'configuration, YAML')
    .addHelpText('after', EXAMPLES)
    .action(check);
}

async function check(file: string): Promise<void> {
  const { configuration, mistakes } = await readConfiguration(file, { protocols });
  for (const mistake of mistakes) process.stdout.write(`${mistakeText(mistake)}\n`);
  if (configuration === undefined) process.exitCode = exitStatuses.config;
  else for (const line of await linesOf(configuration)) process.stdout.write(`${line}\n`);
}

async function linesOf(configuration: Configuration): Promise<readonly string[]> {
  const { listeners, admin } = configuration;
  const certificates = await new ServiceCertificates(silent).open(configuration);
  const texts = listeners.map(listener => listenerText(listener, certificates.list(listener.certificates)));
  certificates.discard();
  return [...texts, ...(admin === undefined ? [] : [adminText(admin)])];
}
