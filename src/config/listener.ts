import { access } from 'node:fs/promises';
import type { Protocol } from '../dialogue/protocol.ts';
import { targetName } from '../net/dial.ts';
import { type Certificate, defaults, type ServerOptions, type TlsPolicy } from '../options.ts';
import { createProxy } from '../proxy.ts';
import { createServer } from '../server.ts';
import type { Destination, ListenerConfiguration } from './configuration.ts';
import { limitsOf } from './limits.ts';
import { loadCa, loadCertificates } from './load-certificates.ts';
import { loadUpstream } from './load-upstream.ts';
import type { Reading } from './reading.ts';
import type { ListenerSection } from './schema/listener.ts';
import { listOf } from './schema/values.ts';
import type { Path } from './source.ts';

/** What a listener has from the configuration as a whole. */
export interface Shared {
  readonly protocols: readonly Protocol[];
  /** `undefined` where there are none, or none that can be used: then that has been reported. */
  readonly certificates: readonly Certificate[] | undefined;
  /** Whether there is such a section at all. */
  readonly hasCertificates: boolean;
  readonly hostname: string | undefined;
}

/** A listener, once for each of its addresses; nothing where there is a mistake. */
export async function readListener(
  section: ListenerSection,
  path: Path,
  reading: Reading,
  shared: Shared,
): Promise<readonly ListenerConfiguration[]> {
  const protocol = shared.protocols.find(({ name }) => name === section.protocol);
  if (protocol === undefined) throw new Error(`no protocol ${section.protocol}`); // the schema has them all
  const [certificates, ca, destination] = await Promise.all([
    certificatesOf(section, path, reading, shared),
    caOf(section, path, reading),
    destinationOf(section, path, reading),
  ]);
  const [certificate, ...others] = certificates ?? [];
  const incomplete = section['client-certificates'] !== undefined && ca === undefined;
  if (certificate === undefined || destination === undefined || incomplete) return [];
  const own = { ...optionsOf(section), protocol, ...(ca === undefined ? {} : { ca }) };
  const hostname = section.hostname ?? shared.hostname;
  const options = {
    ...own,
    certificate,
    certificates: others,
    ...(hostname === undefined ? {} : { hostname }),
  };
  await tryOut(options, destination, path, reading);
  const limits = section.limits && limitsOf(section.limits);
  return listOf(section.address).map(address => ({
    address,
    name: targetName(address),
    options: { ...options, tls: section.tls ?? usualPolicy(protocol, address) },
    destination,
    ...(limits && { limits }),
  }));
}

/** On a public port a server must not insist on TLS (RFC 3207 section 4). */
function usualPolicy({ publicPort, usualPolicy = defaults.tls }: Protocol, address: object): TlsPolicy {
  return 'port' in address && address.port === publicPort ? 'optional' : usualPolicy;
}

async function certificatesOf(section: ListenerSection, path: Path, reading: Reading, shared: Shared) {
  if (section.certificates !== undefined)
    return loadCertificates(section.certificates, [...path, 'certificates'], reading);
  if (!shared.hasCertificates)
    reading.report(
      path,
      'this listener has no certificate',
      'name "certificates" for all listeners, or for this one; "development" makes one for localhost',
    );
  return shared.certificates;
}

async function caOf({ 'client-certificates': section }: ListenerSection, path: Path, reading: Reading) {
  return section === undefined
    ? undefined
    : loadCa(section.ca, [...path, 'client-certificates', 'ca'], reading);
}

const DESTINATIONS = ['app', 'exec', 'proxy'] as const;

async function destinationOf(
  section: ListenerSection,
  path: Path,
  reading: Reading,
): Promise<Destination | undefined> {
  const given = DESTINATIONS.filter(key => section[key] !== undefined);
  for (const key of given.slice(1))
    reading.report(
      [...path, key],
      `there is "${given[0]}" as well as "${key}"`,
      'sessions go to one of the two',
    );
  if (section.exec !== undefined) return { kind: 'command', command: section.exec };
  if (section.proxy !== undefined) {
    const options = await loadUpstream(section.proxy, [...path, 'proxy'], reading);
    return options && { kind: 'upstream', options };
  }
  if (section.app === undefined) return { kind: 'none' };
  const file = reading.file(section.app);
  await access(file).catch(() => reading.reportFile([...path, 'app'], `${file}: cannot be read`));
  return { kind: 'module', file };
}

function optionsOf(section: ListenerSection): Omit<ServerOptions, 'protocol' | 'certificate'> {
  const { timeouts, alpn, capabilities } = section;
  return {
    clientCertificate: section['client-certificates']?.policy ?? 'none',
    minVersion: section['min-version'],
    plaintextAfterUpgrade: section['plaintext-after-upgrade'],
    badCommands: section['bad-commands'],
    proxyFrom: section['proxy-from'] ?? [],
    detectTimeout: timeouts.detect,
    proxyTimeout: timeouts['proxy-header'],
    commandTimeout: timeouts.command,
    dialogueTimeout: timeouts.dialogue,
    handshakeTimeout: timeouts.handshake,
    ...(timeouts.idle === undefined ? {} : { idleTimeout: timeouts.idle }),
    ...(alpn === undefined ? {} : { alpn }),
    ...(capabilities === undefined ? {} : { capabilities }),
  };
}

/** What only those who use it can tell: OpenSSL of the certificates, and the proxy of its upstreams. */
async function tryOut(
  options: ServerOptions,
  destination: Destination,
  path: Path,
  reading: Reading,
): Promise<void> {
  await reading.taken(
    () => {
      if (destination.kind === 'upstream') createProxy({ ...options, ...destination.options });
      else createServer(options);
    },
    () => path,
    'this listener cannot be made so; change what is named',
  );
}
