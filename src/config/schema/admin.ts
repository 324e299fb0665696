import * as z from 'zod';
import { listenAddress, secret } from './values.ts';

/** What tells how the service is. */
export function adminSection() {
  return z
    .strictObject({
      address: listenAddress().describe(
        'Where it listens. One that other machines can reach needs a `token`.',
      ),
      token: secret()
        .exactOptional()
        .describe('What figures are given for, as `Authorization: Bearer …`: 16 to 512 characters.'),
    })
    .describe(
      'Metrics for Prometheus, health checks and a live page, over HTTP. Without this section there are none.',
    );
}

export type AdminSection = z.output<ReturnType<typeof adminSection>>;
