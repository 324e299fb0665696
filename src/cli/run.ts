import { Command } from 'commander';
import { protocols } from '../../protocol/index.ts';
import { mistakeText } from '../config/mistake.ts';
import { type ReadConfiguration, readConfiguration } from '../config/read-configuration.ts';
import { createLog, type LogOptions } from '../log.ts';
import { CurrentLog } from '../run/current-log.ts';
import { Operation } from '../run/operation.ts';
import { Reloader } from '../run/reloader.ts';
import { drainOnSignal } from './drain-on-signal.ts';
import { exitStatuses } from './exit-status.ts';
import { serviceManager } from './service-manager.ts';

const EXAMPLES = `
Examples:
  sallyport run --config /etc/sallyport/sallyport.yaml

SIGHUP reads the file again, and keeps what has not changed as it is; with a
mistake in the file nothing changes. SIGTERM and SIGINT let the sessions end.`;

export function runCommand(): Command {
  return new Command('run')
    .description('Run all that a configuration names, until SIGTERM; read it again at SIGHUP.')
    .requiredOption('--config <file>', 'configuration, YAML')
    .addHelpText('after', EXAMPLES)
    .action(run);
}

async function run({ config }: { readonly config: string }): Promise<void> {
  const read = await readConfiguration(config, { protocols });
  if (read.configuration === undefined) {
    refuse(read);
    return;
  }
  const log = new CurrentLog();
  await logBy(read.configuration.log, log);
  const operation = new Operation({ log });
  drainOnSignal(() => operation.drain(), log);
  const started = operation.start(read.configuration);
  const reloader = new Reloader(operation, log, {
    read: () => readConfiguration(config, { protocols }),
    reloaded: configuration => logBy(configuration.log, log),
  });
  const manager = serviceManager(log);
  let reloads = 0;
  const reload = async () => {
    reloads += 1;
    void manager.reloading();
    const inForce = await reloader.reload();
    reloads -= 1;
    if (reloads === 0)
      await manager.ready(statusOf(operation, inForce ? '' : '; the last reload was refused'));
  };
  process.on('SIGHUP', () => void started.then(reload).catch(() => undefined));
  await started;
  log.info({ file: config, listeners: read.configuration.listeners.length, pid: process.pid }, 'ready');
  await manager.ready(statusOf(operation));
}

function statusOf({ service: { servers } }: Operation, more = ''): string {
  const names = new Set(servers.map(({ protocol }) => protocol.name));
  return `Serving ${[...names].join(', ')} on ${servers.length} addresses${more}`;
}

function refuse({ mistakes }: ReadConfiguration): void {
  for (const mistake of mistakes) process.stderr.write(`${mistakeText(mistake)}\n`);
  process.exitCode = exitStatuses.config;
}

async function logBy(options: LogOptions, log: CurrentLog): Promise<void> {
  log.use((await createLog(options)).log);
}
