import { mkdtempSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Certificate } from '../../src/options.ts';
import type { BackendPorts } from './backend.ts';
import { listen } from './control.ts';
import { ForeignProcess } from './foreign-process.ts';

/** What the other proxies are started with. */
export interface ForeignSetting {
  readonly folder: string;
  readonly backend: BackendPorts & { readonly authHttp: number };
}

/** Writes the certificate where the programs find it, into a folder of its own. */
export function settingFor({ cert, key }: Certificate, backend: ForeignSetting['backend']): ForeignSetting {
  const folder = mkdtempSync(join(tmpdir(), 'sallyport-bench-'));
  writeFileSync(join(folder, 'chain.pem'), cert);
  writeFileSync(join(folder, 'key.pem'), key, { mode: 0o600 });
  return { folder, backend };
}

/** stunnel as Debian has it. It listens for 200 ms before it says a word to a client of SMTP, and none to one of postgres. */
export async function startStunnel({ folder, backend }: ForeignSetting): Promise<ForeignProcess> {
  const [dialogue, postgres] = [await freePort(), await freePort()];
  const file = join(folder, 'stunnel.conf');
  writeFileSync(
    file,
    `foreground = yes
pid =
debug = err
socket = l:TCP_NODELAY=1
socket = r:TCP_NODELAY=1
cert = ${folder}/chain.pem
key = ${folder}/key.pem
sslVersionMin = TLSv1.2
[smtp]
accept = 127.0.0.1:${dialogue}
connect = 127.0.0.1:${backend.dialogue}
protocol = smtp
[postgres]
accept = 127.0.0.1:${postgres}
connect = 127.0.0.1:${backend.postgres}
protocol = pgsql
`,
  );
  const ports = { dialogue, bulk: dialogue, postgres };
  return ForeignProcess.start({ name: 'stunnel', command: 'stunnel4', args: [file], ports });
}

/** nginx's mail proxy as Debian has it, as one process. It dials when a recipient is named. */
export async function startNginx({ folder, backend }: ForeignSetting): Promise<ForeignProcess> {
  const port = await freePort();
  const file = join(folder, 'nginx.conf');
  writeFileSync(
    file,
    `daemon off;
master_process off;
pid ${folder}/nginx.pid;
error_log stderr error;
load_module /usr/lib/nginx/modules/ngx_mail_module.so;
events { worker_connections 16384; }
mail {
  server_name bench.example.org;
  auth_http 127.0.0.1:${backend.authHttp}/;
  ssl_certificate ${folder}/chain.pem;
  ssl_certificate_key ${folder}/key.pem;
  ssl_protocols TLSv1.2 TLSv1.3;
  server {
    listen 127.0.0.1:${port};
    protocol smtp;
    smtp_auth none;
    starttls only;
    xclient off;
  }
}
`,
  );
  const args = ['-p', folder, '-c', file, '-e', 'stderr'];
  return ForeignProcess.start({
    name: 'nginx',
    command: 'nginx',
    args,
    ports: { dialogue: port, bulk: port },
  });
}

async function freePort(): Promise<number> {
  const server = createServer();
  const port = await listen(server);
  await new Promise(resolve => server.close(resolve));
  return port;
}
