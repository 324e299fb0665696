import * as z from 'zod';
import { adminSection } from './admin.ts';
import { certificatesSection, ticketSecret } from './certificates.ts';
import { identityKeys } from './identity.ts';
import { limitsSection } from './limits.ts';
import { listenerSection } from './listener.ts';
import { logSection } from './log.ts';
import { duration, durationText, hostName } from './values.ts';

/** How long sessions have to end, where the configuration does not say. */
export const DRAIN_WITHIN = 30_000;

/** The whole of a configuration; `protocols` are the names of those there are. */
export function configurationSchema(protocols: readonly string[]) {
  return z
    .strictObject({
      certificates: certificatesSection().exactOptional(),
      ocsp: z
        .boolean()
        .prefault(true)
        .describe('Whether OCSP responses are fetched and stapled, for certificates that name a responder.'),
      'ticket-secret': ticketSecret().exactOptional(),
      hostname: hostName().exactOptional().describe("Our name in greetings. Without it the machine's."),
      listeners: z
        .array(listenerSection(protocols))
        .min(1)
        .meta({ form: 'a list of listeners' })
        .describe('What is served where.'),
      limits: limitsSection().prefault({}),
      admin: adminSection().exactOptional(),
      ...identityKeys(),
      log: logSection().prefault({}),
      drain: duration()
        .prefault(durationText(DRAIN_WITHIN))
        .describe('How long sessions have to end when the service stops, or their listener is taken away.'),
    })
    .meta({ title: 'Configuration of sallyport' });
}

export type ConfigurationSchema = ReturnType<typeof configurationSchema>;
