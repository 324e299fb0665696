import { readFile } from 'node:fs/promises';
import { text as textOf } from 'node:stream/consumers';
import { protocols } from '../../protocol/index.ts';
import { SallyportError, unreadable } from '../errors.ts';
import { type ProbeTarget, parseTarget, targetUrl } from '../probe/probe-target.ts';

/**
 * The targets of the command line and those of a file (`-`: standard input), each once. Throws ERR_OPTION, which names
 * the target, and the file and the line that it stands in.
 */
export async function probeTargets(
  urls: readonly string[],
  file: string | undefined,
): Promise<readonly ProbeTarget[]> {
  const given = urls.map(url => parseTarget(url, protocols));
  const listed = file === undefined ? [] : listedTargets(file, await read(file));
  const targets = new Map([...given, ...listed].map(target => [targetUrl(target), target]));
  if (targets.size > 0) return [...targets.values()];
  const where = file === undefined ? 'name one, as smtp://mail.example.org' : `${file} has none`;
  throw new SallyportError('ERR_OPTION', `no target: ${where}`);
}

/** One target a line; empty lines, and what stands behind a `#` at the beginning or behind a blank, are left out. */
function listedTargets(file: string, text: string): readonly ProbeTarget[] {
  return text.split('\n').flatMap((line, index) => {
    const url = line.replace(/(^|\s)#.*$/, '').trim();
    if (url === '') return [];
    try {
      return [parseTarget(url, protocols)];
    } catch (cause) {
      if (!(cause instanceof SallyportError)) throw cause;
      const reason = cause.message.slice(cause.summary.length + 2);
      throw new SallyportError('ERR_OPTION', `${file}, line ${index + 1}: ${reason}`, { cause });
    }
  });
}

async function read(file: string): Promise<string> {
  try {
    return file === '-' ? await textOf(process.stdin) : await readFile(file, 'utf8');
  } catch (cause) {
    throw new SallyportError('ERR_OPTION', `--targets ${file}: ${unreadable(cause)}`, { cause });
  }
}
