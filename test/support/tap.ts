import { Buffer } from 'node:buffer';
import { once } from 'node:events';
import { type AddressInfo, connect, createServer } from 'node:net';

export interface Tap {
  readonly port: number;
  /** How the connection ended, as the server's last bytes show. */
  end(): 'close_notify' | 'without close_notify' | 'reset';
}

/** How the record of an encrypted alert begins, and how long it is: in TLS 1.3, and in 1.2 with AES-GCM. */
const ALERTS = [
  [24, '1703030013'],
  [31, '150303001a'],
] as const;

/** A line to a port of the loopback on which one can listen: Node does not tell how a TLS stream ended. */
export async function tap(port: number): Promise<Tap> {
  let last = Buffer.alloc(0);
  let reset = false;
  const server = createServer(near => {
    const far = connect(port, '127.0.0.1');
    near.pipe(far);
    far.on('data', data => {
      last = Buffer.concat([last, data]).subarray(-31);
      near.write(data);
    });
    far.on('end', () => near.end());
    far.on('error', () => {
      reset = true;
      near.destroy();
    });
    near.on('error', () => far.destroy());
    near.on('close', () => far.destroy());
    server.close();
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  return {
    port: (server.address() as AddressInfo).port, // of a TCP server
    end() {
      if (reset) return 'reset';
      const isAlert = ALERTS.some(([length, head]) =>
        last.toString('hex', last.length - length).startsWith(head),
      );
      return isAlert ? 'close_notify' : 'without close_notify';
    },
  };
}
