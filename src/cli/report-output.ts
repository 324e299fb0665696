import { open, rename, rm, stat, writeFile } from 'node:fs/promises';
import { SallyportError } from '../errors.ts';

/** Where a report goes. */
export interface ReportOutput {
  write(report: string): Promise<void>;
  /** Leaves no trace where there is no report to be written. */
  discard(): Promise<void>;
}

/**
 * Standard output, or a file. A file is there whole or not at all, as somebody may read it at any time: it is written
 * beside its place and then put there. Throws ERR_OPTION, which names the file, where it cannot be written.
 */
export async function reportOutput(file: string | undefined): Promise<ReportOutput> {
  if (file === undefined) return { write: toStandardOutput, discard: async () => {} };
  const found = await stat(file).catch(() => undefined);
  // A pipe or a device has nothing beside it.
  if (found !== undefined && !found.isFile() && !found.isDirectory()) {
    return { write: report => naming(file, writeFile(file, report)), discard: async () => {} };
  }
  if (found?.isDirectory()) throw new SallyportError('ERR_OPTION', `--output ${file}: is a folder`);
  const beside = `${file}.${process.pid}.tmp`;
  await naming(
    file,
    open(beside, 'wx').then(handle => handle.close()),
  );
  return {
    write: report =>
      naming(
        file,
        writeFile(beside, report).then(() => rename(beside, file)),
      ),
    discard: () => rm(beside, { force: true }),
  };
}

async function naming(file: string, done: Promise<void>): Promise<void> {
  try {
    await done;
  } catch (cause) {
    const code = cause instanceof Error && 'code' in cause ? String(cause.code) : 'unwritable';
    throw new SallyportError('ERR_OPTION', `--output ${file}: cannot be written (${code})`, { cause });
  }
}

function toStandardOutput(report: string): Promise<void> {
  return new Promise((resolve, reject) => {
    process.stdout.write(report, error => (error ? reject(error) : resolve()));
  });
}
