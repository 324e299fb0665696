import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import * as net from 'node:net';
import { join } from 'node:path';
import type { Protocol } from '../../../src/dialogue/protocol.ts';
import { createProxy, type ProxyOptions } from '../../../src/proxy.ts';
import type { Server } from '../../../src/server.ts';
import { testCertificates } from '../../support/certificates.ts';
import { CommandProcess } from '../../support/command.ts';
import { folderWith, removeFolders } from '../../support/folder.ts';
import { protocolsNamed } from './servers.ts';

/** A proxy before a real server, as its clients see it. */
export interface Front {
  readonly port: number;
  /** The authority of its certificate, PEM, and the file of it. */
  readonly ca: string;
  readonly caFile: string;
}

/** Declares proxies that go when the tests of the `describe` around are over. */
export function useFronts(): Fronts {
  const fronts = new Fronts();
  after('proxies close', () => fronts.close());
  return fronts;
}

export class Fronts {
  readonly #commands: CommandProcess[] = [];
  readonly #servers: Server[] = [];

  /** Starts `sallyport proxy` as a user does, with a certificate for development. */
  async command(protocol: string, port: number, ...args: readonly string[]): Promise<Front> {
    const state = await folderWith();
    const place = ['--listen', '127.0.0.1:0', '--to', `127.0.0.1:${port}`];
    const command = new CommandProcess(['proxy', protocol, ...place, ...args], { XDG_STATE_HOME: state });
    this.#commands.push(command);
    const [, listening] = await command.until(/ TRY\n.*\blocalhost:(\d+)/);
    const caFile = join(state, 'sallyport', 'ca.pem');
    return { port: Number(listening), ca: await readFile(caFile, 'utf8'), caFile };
  }

  /**
   * The same with a command as a guide shows it, on a free port and with what stands for its places; `chain.pem` and
   * `key.pem` are there.
   */
  async shown(text: string, places: Readonly<Record<string, string>>): Promise<Front> {
    const { server, authority } = await testCertificates();
    const state = await folderWith({
      'chain.pem': server.cert,
      'key.pem': server.key,
      'ca.pem': authority.cert,
    });
    const own = { 'chain.pem': join(state, 'chain.pem'), 'key.pem': join(state, 'key.pem'), ...places };
    const placed = new Map<string, string>(Object.entries(own));
    const args = text.replace(/^sallyport | --listen \S+/g, '').split(' ');
    const given = args.map(arg => placed.get(arg) ?? arg);
    const command = new CommandProcess([...given, '--listen', '127.0.0.1:0'], { XDG_STATE_HOME: state });
    this.#commands.push(command);
    const [, listening] = await command.until(/s_client .*localhost:(\d+)/);
    const caFile = join(state, args.includes('--cert') ? 'ca.pem' : 'sallyport/ca.pem');
    return { port: Number(listening), ca: await readFile(caFile, 'utf8'), caFile };
  }

  /** The same in this process, with what the tests of one protocol need of options. */
  async proxy(name: string, port: number, options: Partial<ProxyOptions> = {}): Promise<Front> {
    const { server: certificate, authority } = await testCertificates();
    const to = { host: '127.0.0.1', port };
    const server = createProxy({ protocol: named(name), certificate, hostname: 'localhost', to, ...options });
    this.#servers.push(server);
    await server.listen({ host: '127.0.0.1', port: 0 });
    const caFile = join(await folderWith({ 'ca.pem': authority.cert }), 'ca.pem');
    return { port: server.address?.port ?? 0, ca: authority.cert, caFile };
  }

  /** A port of 127.0.0.1 on which nobody listens: a server that has died. */
  async deadPort(): Promise<number> {
    const server = net.createServer();
    await once(server.listen(0, '127.0.0.1'), 'listening');
    const { port } = server.address() as net.AddressInfo; // of a TCP server
    await once(server.close(), 'close');
    return port;
  }

  async close(): Promise<void> {
    for (const command of this.#commands) command.kill('SIGTERM');
    await Promise.all(this.#commands.map(command => command.exit()));
    await Promise.all(this.#servers.map(server => server.close({ within: 1000 })));
    await removeFolders();
  }
}

function named(name: string): Protocol {
  const [protocol] = protocolsNamed(name);
  if (protocol === undefined) throw new Error(`no protocol ${name}`);
  return protocol;
}
