import { readFile } from 'node:fs/promises';
import type { Command } from 'commander';
import type { Admin } from '../admin/admin.ts';
import { SallyportError, unreadable } from '../errors.ts';
import type { Log } from '../log.ts';
import { type DialTarget, targetName } from '../net/dial.ts';
import type { Server } from '../server.ts';
import { address } from './address.ts';

export interface AdminArguments {
  readonly admin?: DialTarget;
  readonly adminTokenFile?: string;
}

export function addAdminOptions(command: Command): Command {
  return command
    .option(
      '--admin <address>',
      'address for metrics, health checks and a live page (default: none)',
      address,
    )
    .option(
      '--admin-token-file <file>',
      'file whose first line must be shown to see figures; needed beyond this machine',
    );
}

/** What tells of the servers, if that is asked for. Throws ERR_OPTION. */
export async function adminOf(
  { admin, adminTokenFile }: AdminArguments,
  servers: readonly Server[],
  log: Log,
): Promise<Admin | undefined> {
  if (admin === undefined && adminTokenFile === undefined) return undefined;
  if (admin === undefined) throw new SallyportError('ERR_OPTION', '--admin-token-file needs --admin');
  const token = adminTokenFile === undefined ? {} : { token: await firstLine(adminTokenFile) };
  // Loaded only where it is asked for: others do not pay for it at their start.
  const { createAdmin } = await import('../admin/admin.ts');
  return createAdmin({ address: admin, servers, log, ...token });
}

/** Has it listen beside servers that do; closes them where it cannot. Returns a line for people. */
export async function listenBeside(
  admin: Admin | undefined,
  servers: readonly Server[],
  log: Log,
): Promise<string> {
  if (admin === undefined) return '';
  try {
    const { address: host, port, family } = await admin.listen();
    log.info({ address: host, port }, 'admin listening');
    return family === 'Unix' ? `\nAdmin: ${host}\n` : `\nAdmin: http://${targetName({ host, port })}/\n`;
  } catch (error) {
    await Promise.all([admin.close(), ...servers.map(server => server.close({ within: 0 }))]);
    throw error;
  }
}

async function firstLine(file: string): Promise<string> {
  try {
    return (await readFile(file, 'utf8')).split(/\r?\n/, 1)[0] ?? '';
  } catch (cause) {
    throw new SallyportError('ERR_OPTION', `--admin-token-file ${file}: ${unreadable(cause)}`, { cause });
  }
}
