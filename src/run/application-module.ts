import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { SallyportError } from '../errors.ts';
import type { Application } from '../net/session.ts';

/** Loads a module whose default export takes each session. Throws ERR_APPLICATION_MODULE, which names the file. */
export async function loadApplication(file: string): Promise<Application> {
  let module: { readonly default?: unknown };
  try {
    module = await import(pathToFileURL(resolve(file)).href);
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new SallyportError('ERR_APPLICATION_MODULE', `${file}: ${reason}`, { cause });
  }
  if (typeof module.default === 'function') return module.default as Application; // its arguments cannot be checked
  throw new SallyportError('ERR_APPLICATION_MODULE', `${file}: the default export is not a function`);
}
