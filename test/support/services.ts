import { protocols } from '../../protocol/index.ts';
import type { Configuration } from '../../src/config/configuration.ts';
import { mistakeText } from '../../src/config/mistake.ts';
import { readText } from '../../src/config/read-configuration.ts';
import type { Log } from '../../src/log.ts';
import { Service } from '../../src/run/service.ts';
import { ENVIRONMENT } from './configuration-files.ts';

/** A log that keeps what it is told. */
export class KeptLog implements Log {
  readonly lines: { readonly level: string; readonly fields: object; readonly message: string }[] = [];
  readonly debug = this.#keep('debug');
  readonly info = this.#keep('info');
  readonly warn = this.#keep('warn');
  readonly error = this.#keep('error');

  /** What was said with this message. */
  with(message: string): readonly object[] {
    return this.lines.filter(line => line.message === message).map(({ fields }) => fields);
  }

  #keep(level: string) {
    return (fields: object, message: string) => void this.lines.push({ level, fields, message });
  }
}

/** A configuration as a file in `folder` would have it. Rejects where there is a mistake in it. */
export async function configurationOf(folder: string, text: string): Promise<Configuration> {
  const read = await readText(`${folder}/sallyport.yaml`, text, { protocols, environment: ENVIRONMENT });
  if (read.configuration === undefined) throw new Error(read.mistakes.map(mistakeText).join('\n'));
  return read.configuration;
}

const running = new Set<Service>();

/** A service that `stopServices` ends, in an `afterEach`. */
export function newService(log: Log = new KeptLog()): Service {
  const service = new Service({ log });
  running.add(service);
  return service;
}

export async function stopServices(): Promise<void> {
  await Promise.all([...running].map(service => service.drain(0)));
  running.clear();
}

/** The port of a service's listener; 0 for a Unix socket. */
export function portOf({ servers }: Service, index = 0): number {
  const { address } = servers[index] ?? {};
  if (address === undefined) throw new Error(`listener ${index} does not listen`);
  return address.port;
}
