import { Buffer } from 'node:buffer';
import * as z from 'zod';
import { defaults, TLS_POLICIES } from '../../options.ts';
import { certificatesSection, clientCertificatesSection } from './certificates.ts';
import { listenerLimitsSection } from './limits.ts';
import { proxySection } from './proxy.ts';
import { timeoutsSection } from './timeouts.ts';
import { count, fileName, hostName, listenPlace, networkText, oneOrMore } from './values.ts';

/** One protocol on one or more addresses; `protocols` are their names. */
export function listenerSection(protocols: readonly string[]) {
  return z.strictObject({
    protocol: z.enum(protocols).describe('What is spoken.'),
    address: oneOrMore(listenPlace())
      .describe(
        'Where it listens. `systemd:NAME` is the socket that systemd passes under this name, `fd:NUMBER` one by its number.',
      )
      .meta({ form: "host:port, '[IPv6]:port', unix:/path, systemd:NAME, fd:NUMBER, or a list of these" }),
    tls: z
      .enum(TLS_POLICIES)
      .exactOptional()
      .describe(
        'What is allowed before TLS. Without it `required`, for http `auto`, on the public port of smtp `optional`.',
      ),
    ...tlsKeys(),
    ...dialogueKeys(),
    ...destinationKeys(),
  });
}

export type ListenerSection = z.output<ReturnType<typeof listenerSection>>;

function tlsKeys() {
  return {
    certificates: certificatesSection()
      .exactOptional()
      .describe('Certificates of this listener, in the place of those for all.'),
    'strict-sni': z
      .boolean()
      .prefault(false)
      .describe('Whether clients are refused that ask for a name which no certificate has.'),
    'client-certificates': clientCertificatesSection().exactOptional(),
    'min-version': z
      .enum(['TLSv1.2', 'TLSv1.3'])
      .prefault(defaults.minVersion)
      .describe('The lowest TLS version.'),
    alpn: z
      .array(alpnId())
      .exactOptional()
      .meta({ form: 'a list of ALPN ids, each in quotes if need be' })
      .describe('ALPN ids that are accepted. Without it those of the protocol.'),
  };
}

/** RFC 7301 section 3.1: its length is one octet. */
function alpnId() {
  const form = 'a text of 1 to 255 bytes';
  return z
    .string()
    .min(1)
    .max(255)
    .refine(id => Buffer.byteLength(id) <= 255, form)
    .meta({ form });
}

function dialogueKeys() {
  return {
    hostname: hostName()
      .exactOptional()
      .describe("Our name in greetings. Without it the one for all, or the machine's."),
    capabilities: z
      .array(
        z
          .string()
          .regex(/^[\x20-\x7e]+$/)
          .meta({ form: 'a line in printable ASCII' }),
      )
      .exactOptional()
      .describe("Capabilities of the application, listed with ours in plaintext, in the protocol's words."),
    'plaintext-after-upgrade': z
      .enum(['refuse', 'discard'])
      .prefault(defaults.plaintextAfterUpgrade)
      .describe('What becomes of plaintext behind the upgrade command: an end with an error, or nothing.'),
    'bad-commands': count()
      .prefault(defaults.badCommands)
      .describe('Bad commands that are answered; the next one closes the connection.'),
    'proxy-from': z
      .array(networkText())
      .exactOptional()
      .describe(
        'Addresses, networks and `unix:` from which every connection begins with a PROXY header, version 1 or 2.',
      ),
    timeouts: timeoutsSection().prefault({}),
    limits: listenerLimitsSection().exactOptional(),
  };
}

/** At most one of these. Without one the dialogue goes on under TLS, and there is no service behind it. */
function destinationKeys() {
  return {
    app: fileName('a module whose default export gets each session')
      .exactOptional()
      .describe('Module whose default export gets each session.'),
    exec: z
      .string()
      .min(1)
      .exactOptional()
      .meta({ form: 'a shell command' })
      .describe('Shell command for each session, with the stream on its input and output.'),
    proxy: proxySection().exactOptional(),
  };
}
