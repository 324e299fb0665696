import * as z from 'zod';
import { defaults } from '../../options.ts';
import { count } from './values.ts';

/** For all listeners together. */
export function limitsSection() {
  return z
    .strictObject({
      connections: count()
        .exactOptional()
        .describe(
          "Connections at once, 0 for no limit. Without it the process's descriptor limit less 64, or 960.",
        ),
      'per-address': count()
        .prefault(defaults.maxPerAddress)
        .describe('Connections at once from one IPv4 address or one IPv6 /64, 0 for no limit.'),
    })
    .describe('Limits over all listeners together.');
}
