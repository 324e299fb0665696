import { Buffer } from 'node:buffer';

export interface Post {
  /** `http:` or `https:`. */
  readonly url: string;
  readonly contentType: string;
  readonly body: Uint8Array;
  /** For all of it, in milliseconds. */
  readonly timeout: number;
  /** The longest answer that is taken, in bytes. */
  readonly limit: number;
}

/**
 * Sends a body by HTTP POST and returns that of the answer. It follows nowhere, and reads no further than the limit.
 * Rejects with an `Error` whose message is fit for a log where there is no answer in time, where its status is not 200,
 * and where it is too long.
 */
export async function post({ url, contentType, body, timeout, limit }: Post): Promise<Uint8Array> {
  const signal = AbortSignal.timeout(timeout);
  try {
    const headers = { 'content-type': contentType };
    const response = await fetch(url, { method: 'POST', headers, body, redirect: 'error', signal });
    if (response.status !== 200) {
      await response.body?.cancel();
      throw new Refused(`the answer has status ${response.status}`);
    }
    return await read(response.body ?? [], limit);
  } catch (error) {
    if (error instanceof Refused) throw error;
    throw new Error(signal.aborted ? `no answer within ${timeout} ms` : reasonOf(error), { cause: error });
  }
}

class Refused extends Error {}

async function read(
  body: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
  limit: number,
): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of body) {
    length += chunk.length;
    // Leaving the loop cancels the rest.
    if (length > limit) throw new Refused(`the answer is longer than ${limit} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

/** `fetch` says only that it failed; why is beneath. */
function reasonOf(error: unknown): string {
  const cause = error instanceof Error ? error.cause : undefined;
  const code = cause instanceof Error && 'code' in cause ? String(cause.code) : 'failed';
  return `it cannot be reached (${code})`;
}
