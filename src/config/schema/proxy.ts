import * as z from 'zod';
import { proxyDefaults } from '../../proxy.ts';
import {
  dialAddress,
  duration,
  durationText,
  fileName,
  hostName,
  ipv4,
  oneOrMore,
  portRange,
  secret,
} from './values.ts';

/** The servers behind a listener, in an application's place. */
export function proxySection() {
  return z
    .strictObject({
      to: oneOrMore(z.union([dialAddress(), namedUpstream()]))
        .describe('The upstreams. Several take turns.')
        .meta({ form: "host:port, '[IPv6]:port', unix:/path, { address, servername }, or a list of these" }),
      tls: upstreamTls().exactOptional(),
      'send-proxy': z
        .enum(['v1', 'v2'])
        .exactOptional()
        .describe('Each connection to an upstream begins with a PROXY header of this version.'),
      'connect-timeout': duration()
        .prefault(durationText(proxyDefaults.connectTimeout))
        .describe('To connect to one upstream.'),
      'upstream-timeout': duration()
        .prefault(durationText(proxyDefaults.upstreamTimeout))
        .describe('To find an upstream that answers, and for each of its replies before TLS is passed on.'),
      'data-ports': portRange()
        .exactOptional()
        .describe(
          'Where the protocol has data connections: the ports for them. Without it any that is free.',
        ),
      'data-address': ipv4()
        .exactOptional()
        .describe(
          'The address that clients are told for them, behind NAT. Without it the one they have come to.',
        ),
    })
    .describe('Passes the sessions on to another server, the upstream.');
}

export type ProxySection = z.output<ReturnType<typeof proxySection>>;

function namedUpstream() {
  return z.strictObject({
    address: dialAddress().describe('Where it listens.'),
    servername: z
      .string()
      .regex(/^(\*\.)?[\w.-]+$/)
      .exactOptional()
      .meta({ form: 'a name such as a.example.org or *.example.org' })
      .describe('Only for the clients that ask for this name (SNI); `*.example.org` for all right below it.'),
  });
}

function upstreamTls() {
  return z
    .strictObject({
      mode: z
        .enum(['implicit', 'upgrade'])
        .describe("`implicit` is TLS from the first byte, `upgrade` the protocol's own upgrade."),
      ca: fileName('the authorities of its certificate, PEM')
        .exactOptional()
        .describe('PEM file with the authorities that are trusted. Without it those of Node.'),
      servername: hostName()
        .exactOptional()
        .describe('The name that the certificate must be for. Without it the one in `to`.'),
      verify: z.boolean().prefault(true).describe('Whether the certificate must be valid.'),
      cert: fileName('our certificate for the upstream and then its chain, PEM')
        .exactOptional()
        .describe('PEM file with a certificate of our own, for an upstream that asks for one.'),
      key: fileName('the key of the certificate, PEM')
        .exactOptional()
        .describe('PEM file with its key. Without it the key is in the file of `cert`.'),
      passphrase: secret().exactOptional().describe('Opens an encrypted key.'),
    })
    .describe('TLS to the upstream. Without this section it is spoken to in plaintext.');
}
