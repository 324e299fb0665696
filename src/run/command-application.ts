import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { SallyportError } from '../errors.ts';
import type { Application, Session } from '../net/session.ts';
import { printable } from '../wire/printable.ts';

/** Of all such applications: a configuration may name many, and another one at each reload. */
const running = new Set<ChildProcess>();
let watching = false;

/**
 * An application that runs a shell command for each session, with the decrypted stream on its standard input
 * and output, and the TLS facts in its environment. When the client goes, so does the command (SIGTERM).
 */
export function commandApplication(command: string): Application {
  if (!watching) process.once('exit', () => running.forEach(end));
  watching = true;
  return async session => {
    const child = spawn(command, {
      shell: true,
      // A group of its own, so that all of a pipeline can be ended.
      detached: true,
      stdio: ['pipe', 'pipe', 'inherit'],
      env: { ...process.env, ...environmentOf(session) },
    });
    const exited = once(child, 'close');
    const gone = () => end(child);
    session.stream.once('close', gone);
    running.add(child);
    // A command may leave its input unread: that is its right, and no error.
    child.stdin.on('error', () => undefined);
    session.stream.pipe(child.stdin);
    child.stdout.pipe(session.stream, { end: false });
    try {
      await exited;
    } catch (cause) {
      throw new SallyportError('ERR_APPLICATION', 'the command could not be started', { cause });
    } finally {
      session.stream.off('close', gone);
      running.delete(child);
    }
  };
}

function end({ pid }: ChildProcess): void {
  try {
    if (pid !== undefined) process.kill(-pid, 'SIGTERM');
  } catch {
    // It has ended by itself.
  }
}

/**
 * What the command is told: `SALLYPORT_…`, and the names that ucspi-tcp (`TCPREMOTEIP` …) and mod_ssl
 * (`SSL_PROTOCOL` …) gave to the same things. What the client chose is escaped, and no variable is set for
 * what is not known, so that `${SALLYPORT_SERVERNAME-}` tells.
 */
export function environmentOf({ id, protocol, peer, tls }: Session): Record<string, string> {
  const certificate = tls?.clientCertificate;
  const known = {
    SALLYPORT_SESSION: id,
    SALLYPORT_PROTOCOL: protocol,
    SALLYPORT_REMOTE_ADDRESS: peer.address,
    SALLYPORT_REMOTE_PORT: String(peer.port),
    SALLYPORT_TLS_VERSION: tls?.version,
    SALLYPORT_TLS_CIPHER: tls?.cipher,
    SALLYPORT_TLS_GROUP: tls?.group,
    SALLYPORT_TLS_RESUMED: tls === undefined ? undefined : tls.resumed ? '1' : '0',
    SALLYPORT_SERVERNAME: tls?.servername,
    SALLYPORT_ALPN: tls?.alpn,
    SALLYPORT_CLIENT_SUBJECT: certificate?.subject,
    SALLYPORT_CLIENT_ALTNAMES: certificate?.altNames,
    SALLYPORT_CLIENT_FINGERPRINT: certificate?.fingerprint,
    SALLYPORT_CLIENT_VERIFIED: certificate === undefined ? undefined : certificate.verified ? '1' : '0',
    PROTO: tls === undefined ? 'TCP' : 'SSL',
    TCPREMOTEIP: peer.address,
    TCPREMOTEPORT: String(peer.port),
    SSL_PROTOCOL: tls?.version,
    SSL_CIPHER: tls?.cipher,
    SSL_TLS_SNI: tls?.servername,
  };
  const set = Object.entries(known).filter((entry): entry is [string, string] => entry[1] !== undefined);
  return Object.fromEntries(set.map(([name, value]) => [name, printable(value, 4096)]));
}
