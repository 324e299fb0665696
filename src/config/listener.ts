import { access } from 'node:fs/promises';
import type { Protocol } from '../dialogue/protocol.ts';
import { placeName } from '../net/dial.ts';
import { defaults, type TlsPolicy } from '../options.ts';
import { proxyDefaults } from '../proxy.ts';
import type {
  CertificateSpec,
  Destination,
  ListenerConfiguration,
  ListenerOptions,
} from './configuration.ts';
import { limitsOf } from './limits.ts';
import { loadSources } from './load-certificates.ts';
import { loadTrust } from './load-trust.ts';
import { loadUpstream } from './load-upstream.ts';
import type { Reading } from './reading.ts';
import type { ListenerSection } from './schema/listener.ts';
import { listOf } from './schema/values.ts';
import type { Path } from './source.ts';

/** What a listener has from the configuration as a whole. */
export interface Shared {
  readonly protocols: readonly Protocol[];
  /** `undefined` where there are none, or one cannot be used: then that has been reported. */
  readonly sources: CertificateSpec['sources'] | undefined;
  /** Whether there is such a section at all. */
  readonly hasCertificates: boolean;
  /** Whether OCSP responses are wanted. */
  readonly ocsp: boolean;
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
  const [sources, trust, destination] = await Promise.all([
    sourcesOf(section, path, reading, shared),
    trustOf(section, path, reading),
    destinationOf(section, path, reading),
  ]);
  const idle = reportIdleKeys(section, protocol, path, reading);
  if (sources === undefined || trust === undefined || destination === undefined || idle) return [];
  const hostname = section.hostname ?? shared.hostname;
  const options = {
    ...optionsOf(section),
    protocol,
    ...(hostname === undefined ? {} : { hostname }),
  };
  const limits = section.limits && limitsOf(section.limits);
  return listOf(section.address).map(address => ({
    address,
    name: placeName(address),
    options: { ...options, tls: section.tls ?? usualPolicy(protocol, address) },
    certificates: { sources, ocsp: shared.ocsp, ...trust },
    destination,
    ...(limits && { limits }),
  }));
}

/** What is for data connections, where the protocol has none. */
function reportIdleKeys(
  { proxy }: ListenerSection,
  protocol: Protocol,
  path: Path,
  reading: Reading,
): boolean {
  if (proxy === undefined || protocol.follow !== undefined) return false;
  const given = (['data-ports', 'data-address'] as const).filter(key => proxy[key] !== undefined);
  for (const key of given)
    reading.report([...path, 'proxy', key], `${protocol.name} has no data connections`, `leave "${key}" out`);
  return given.length > 0;
}

/** On a public port a server must not insist on TLS (RFC 3207 section 4). */
function usualPolicy({ publicPort, usualPolicy = defaults.tls }: Protocol, address: object): TlsPolicy {
  return 'port' in address && address.port === publicPort ? 'optional' : usualPolicy;
}

async function sourcesOf(section: ListenerSection, path: Path, reading: Reading, shared: Shared) {
  if (section.certificates !== undefined)
    return loadSources(section.certificates, [...path, 'certificates'], reading);
  if (!shared.hasCertificates)
    reading.report(
      path,
      'this listener has no certificate',
      'name "certificates" for all listeners, or for this one; "development" makes one for localhost',
    );
  return shared.sources;
}

async function trustOf({ 'client-certificates': section }: ListenerSection, path: Path, reading: Reading) {
  return section === undefined ? {} : loadTrust(section, [...path, 'client-certificates'], reading);
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

function optionsOf(section: ListenerSection): Omit<ListenerOptions, 'protocol'> {
  const { timeouts, alpn, capabilities, 'client-certificates': clients } = section;
  const idleTimeout = timeouts.idle ?? (section.proxy && proxyDefaults.idleTimeout);
  return {
    clientCertificate: clients?.policy ?? 'none',
    unknownName: section['strict-sni'] ? 'refuse' : 'default',
    minVersion: section['min-version'],
    plaintextAfterUpgrade: section['plaintext-after-upgrade'],
    badCommands: section['bad-commands'],
    proxyFrom: section['proxy-from'] ?? [],
    detectTimeout: timeouts.detect,
    proxyTimeout: timeouts['proxy-header'],
    commandTimeout: timeouts.command,
    dialogueTimeout: timeouts.dialogue,
    handshakeTimeout: timeouts.handshake,
    ...(idleTimeout === undefined ? {} : { idleTimeout }),
    ...(clients?.subjects === undefined ? {} : { clientSubjects: clients.subjects }),
    ...(alpn === undefined ? {} : { alpn }),
    ...(capabilities === undefined ? {} : { capabilities }),
  };
}
