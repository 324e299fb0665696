import * as z from 'zod';
import { defaults } from '../../options.ts';
import { count, networkText, secret } from './values.ts';

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
      ...overTime(),
      redis: secret()
        .exactOptional()
        .meta({
          form: `redis://HOST:PORT, rediss://HOST:PORT or /PATH, as it is, as '\${NAME}' or in { file: PATH }`,
        })
        .describe(
          'The URL of a Redis in which what comes in a minute is counted, with other machines. Without it each process counts for itself.',
        ),
    })
    .describe('Limits over all listeners together.');
}

export type LimitsSection = z.output<ReturnType<typeof limitsSection>>;

/** For one listener alone. */
export function listenerLimitsSection() {
  return z
    .strictObject({
      connections: count().prefault(0).describe('Connections at once, 0 for no limit.'),
      'per-address': count()
        .prefault(0)
        .describe('Connections at once from one IPv4 address or one IPv6 /64, 0 for no limit.'),
      ...overTime(),
    })
    .describe('Limits of this listener alone, over all its addresses, beside those for all listeners.');
}

export type ListenerLimitsSection = z.output<ReturnType<typeof listenerLimitsSection>>;

function overTime() {
  return {
    'connections-per-minute': count()
      .prefault(defaults.connectionsPerMinute)
      .describe('New connections a minute from one address, 0 for no limit.'),
    'handshakes-per-minute': count()
      .prefault(defaults.handshakesPerMinute)
      .describe(
        "TLS handshakes a minute from one address, 0 for no limit. One more is refused in the protocol's words.",
      ),
    trusted: z
      .array(networkText())
      .exactOptional()
      .describe('Addresses, networks and `unix:` for which no limit of one address holds.'),
  };
}
