import { Buffer } from 'node:buffer';
import { readFile } from 'node:fs/promises';
import { SallyportError, unreadable } from '../errors.ts';
import type { Reading } from './reading.ts';
import { LEAST_SECRET, type TicketSecretSection } from './schema/certificates.ts';
import type { Path } from './source.ts';

/** The bytes of which keys for session tickets are made; `undefined` where there is a mistake. */
export async function loadTicketSecret(
  section: TicketSecretSection,
  path: Path,
  reading: Reading,
): Promise<Uint8Array | undefined> {
  if (typeof section === 'string') return Buffer.from(section);
  const file = reading.file(section.file);
  return reading.taken(
    () => readSecret(file),
    () => [...path, 'file'],
  );
}

async function readSecret(file: string): Promise<Uint8Array> {
  let bytes: Uint8Array;
  try {
    bytes = await readFile(file);
  } catch (cause) {
    throw new SallyportError('ERR_OPTION', `${file}: ${unreadable(cause)}`, { cause });
  }
  if (bytes.length >= LEAST_SECRET) return bytes;
  throw new SallyportError('ERR_OPTION', `${file}: has ${bytes.length} bytes`);
}
