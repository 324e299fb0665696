import { mkdir, writeFile } from 'node:fs/promises';
import { type Daemon, type DaemonPlace, startDaemon } from './daemon.ts';
import { type Identity, issueIdentity } from './identity.ts';

const PORTS = ['http', 'https'] as const;

export type NginxPort = (typeof PORTS)[number];

export interface Nginx extends Daemon<NginxPort> {
  /** Undefined without TLS. */
  readonly identity?: Identity | undefined;
  /** Where its files are. */
  readonly root: string;
}

/** Starts nginx, which gives files to whoever asks; with TLS on `https`, as it knows no upgrade. */
export async function startNginx({ tls }: { readonly tls: boolean }): Promise<Nginx> {
  let identity: Identity | undefined;
  const daemon = await startDaemon<NginxPort>(PORTS, async place => {
    await mkdir(place.path('root'));
    if (tls) identity = await issueIdentity(place);
    await writeFile(place.path('nginx.conf'), configOf(place, identity));
    const args = ['-p', place.directory, '-c', place.path('nginx.conf'), '-e', 'stderr'];
    return { command: 'nginx', args, ready: { http: 'connects', ...(tls ? { https: 'connects' } : {}) } };
  });
  return Object.assign(daemon, { identity, root: daemon.path('root') });
}

function configOf({ path, ports }: DaemonPlace<NginxPort>, identity: Identity | undefined): string {
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'];
  const secure =
    identity === undefined
      ? ''
      : `
    listen 127.0.0.1:${ports.https} ssl;
    ssl_certificate ${identity.certFile};
    ssl_certificate_key ${identity.keyFile};`;
  return `
daemon off;
master_process off;
pid ${path('pid')};
events {}
http {
  access_log off;
${temporary.map(name => `  ${name}_temp_path ${path(name)};\n`).join('')}
  server {
    listen 127.0.0.1:${ports.http};${secure}
    root ${path('root')};
  }
}
`;
}
