import type { AddressInfo, Server } from 'node:net';

/** The TCP ports of a measured server, on 127.0.0.1. */
export interface Ports {
  /** Speaks SMTP, before TLS and under it. */
  readonly dialogue: number;
  /** Takes a bulk upload under TLS: the same port where the server takes mail itself. */
  readonly bulk: number;
  /** Speaks postgres, before TLS and under it; of a proxy only. */
  readonly postgres?: number;
  /** Of the server behind the proxies: tells nginx, by HTTP, where that server is. */
  readonly authHttp?: number;
}

/** Said by a server once it has collected its garbage. */
export const COLLECTED = 'collected';
/** Asks a server to collect its garbage, so that its memory can be read. */
export const COLLECT = 'collect';

/** Bytes of one upload; the bulk port answers one reply each time so many have come. */
export const UPLOAD = 16 * 1024 * 1024;

/**
 * A server's side of the channel to the benchmark: tells the ports, collects garbage when asked, and ends with
 * the benchmark, however that ended. Nothing is said on it while something is measured.
 */
export function reportTo(benchmark: NodeJS.Process, ports: Ports): void {
  benchmark.on('message', message => {
    if (message !== COLLECT) return;
    for (let pass = 0; pass < 3; pass += 1) globalThis.gc?.();
    benchmark.send?.(COLLECTED);
  });
  benchmark.on('disconnect', () => process.exit(0));
  benchmark.send?.(ports);
}

/** Whether a server's first message is what it has to be. */
export function isPorts(message: unknown): message is Ports {
  return typeof message === 'object' && message !== null && 'dialogue' in message && 'bulk' in message;
}

/** Listens on 127.0.0.1 and resolves with the port that the system chose. */
export function listen(server: Pick<Server, 'listen' | 'address'>): Promise<number> {
  return new Promise(resolve => {
    server.listen({ host: '127.0.0.1', port: 0, backlog: 1024 }, () => {
      const { port } = server.address() as AddressInfo; // of a listening TCP server
      // biome-ignore lint/nursery/noFloatingPromises: a false alarm, resolve gives nothing back
      resolve(port);
    });
  });
}
