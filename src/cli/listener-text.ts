import type { AdminPlace } from '../admin/admin.ts';
import type { StoredCertificate } from '../certificates/certificate-store.ts';
import type { Destination, ListenerConfiguration, ListenerOptions } from '../config/configuration.ts';
import { targetName } from '../net/dial.ts';
import type { UpstreamAddress } from '../net/upstream-choice.ts';
import { printable } from '../wire/printable.ts';

/** What a listener of a configuration would do with its certificates, in one line. */
export function listenerText(
  { name, options, destination }: ListenerConfiguration,
  certificates: readonly StoredCertificate[],
): string {
  const parts = [
    `TLS ${options.tls}`,
    ...certificates.map(certificateText),
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

function certificateText({ names, notAfter, file, error }: StoredCertificate): string {
  if (notAfter === undefined) return `refused: ${printable(error?.message ?? file)}`;
  const meant = names.length === 0 ? `in ${file}` : `for ${printable(names.join(' '))}`;
  return `certificate ${meant} until ${notAfter.toISOString().slice(0, 10)}`;
}

function clientCertificateText({ clientCertificate = 'none' }: ListenerOptions): readonly string[] {
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
