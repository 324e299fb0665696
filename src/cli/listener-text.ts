import { X509Certificate } from 'node:crypto';
import type { AdminPlace } from '../admin/admin.ts';
import type { Destination, ListenerConfiguration } from '../config/configuration.ts';
import { targetName } from '../net/dial.ts';
import type { UpstreamAddress } from '../net/upstream-choice.ts';
import type { Certificate, ServerOptions } from '../options.ts';
import { printable } from '../wire/printable.ts';

/** What a listener of a configuration would do, in one line. */
export function listenerText({ name, options, destination }: ListenerConfiguration): string {
  const parts = [
    `TLS ${options.tls}`,
    ...[options.certificate, ...(options.certificates ?? [])].map(certificateText),
    ...clientCertificateText(options),
    destinationText(destination),
  ];
  return `${options.protocol.name} on ${name}: ${parts.join(', ')}`;
}

/** What would be told of a service, in one line. */
export function adminText({ address, token }: AdminPlace): string {
  const whom = token === undefined ? 'whoever asks on this machine' : 'who has the token';
  return `admin on ${targetName(address)}: figures for ${whom}`;
}

function certificateText({ cert }: Certificate): string {
  const { subject, subjectAltName, validTo } = new X509Certificate(cert);
  const names = subjectAltName?.replace(/\b(DNS|IP Address):/g, '').replaceAll(', ', ' ') ?? subject;
  return `certificate for ${printable(names)} until ${new Date(validTo).toISOString().slice(0, 10)}`;
}

function clientCertificateText({ clientCertificate = 'none' }: ServerOptions): readonly string[] {
  return clientCertificate === 'none' ? [] : [`client certificates: ${clientCertificate}`];
}

function destinationText(destination: Destination): string {
  switch (destination.kind) {
    case 'none':
      return 'no service behind it';
    case 'module':
      return `to the module ${destination.file}`;
    case 'command':
      return `to the command ${printable(destination.command)}`;
    case 'upstream': {
      const { to, toTls } = destination.options;
      const names = [to].flat().map(upstreamText).join(' and ');
      return `to ${names}${toTls === undefined ? '' : ` with TLS (${toTls.mode})`}`;
    }
  }
}

function upstreamText(address: UpstreamAddress): string {
  return `${address.servername === undefined ? '' : `${address.servername}=`}${targetName(address)}`;
}
