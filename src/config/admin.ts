import { isLocal, isToken } from '../admin/access.ts';
import type { AdminPlace } from '../admin/admin.ts';
import { targetName } from '../net/dial.ts';
import type { Placed } from './addresses.ts';
import { loadSecret } from './load-secret.ts';
import type { Reading } from './reading.ts';
import type { AdminSection } from './schema/admin.ts';
import type { Path } from './source.ts';

const ADDRESS: Path = ['admin', 'address'];
const TOKEN: Path = ['admin', 'token'];

/** Where figures are told; nothing where that is not asked for, or where there is a mistake. */
export async function readAdmin(
  section: AdminSection | undefined,
  reading: Reading,
): Promise<AdminPlace | undefined> {
  if (section === undefined) return undefined;
  const { address, token: secret } = section;
  if (secret === undefined) {
    if (!isLocal(address)) reportOpen(targetName(address), reading);
    return { address };
  }
  // A variable that is not there has been reported; what it is not need not be.
  if (reading.source.isMissing(TOKEN)) return undefined;
  const token = await loadSecret(secret, TOKEN, reading);
  if (token === undefined) return undefined;
  if (!isToken(token)) reportToken(token, reading);
  return { address, token };
}

/** Its address is one that no listener may have. */
export function placedAdmin({ address }: AdminSection): Placed {
  return { address, path: ADDRESS };
}

function reportOpen(name: string, reading: Reading): void {
  const right = 'give the "token" that figures are for, or an address that only this machine can reach';
  reading.report(ADDRESS, `${name} can be reached from other machines, and there is no "token"`, right);
}

/** It is a secret, and says nothing of itself but what is wrong with it. */
function reportToken({ length }: string, reading: Reading): void {
  const found = length < 16 || length > 512 ? `has ${length} characters` : 'has blanks, or what is not ASCII';
  reading.report(TOKEN, `"token" ${found}`, 'it must be 16 to 512 printable characters without blanks');
}
