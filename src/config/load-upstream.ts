import type { UpstreamAddress } from '../net/upstream-choice.ts';
import type { UpstreamTls } from '../net/upstream-dialler.ts';
import type { UpstreamOptions } from './configuration.ts';
import { loadPair } from './load-certificates.ts';
import { loadCa } from './load-trust.ts';
import type { Reading } from './reading.ts';
import type { ProxySection } from './schema/proxy.ts';
import { listOf } from './schema/values.ts';
import type { Path } from './source.ts';

/** What is behind a proxy; `undefined` where there is a mistake. */
export async function loadUpstream(
  section: ProxySection,
  path: Path,
  reading: Reading,
): Promise<UpstreamOptions | undefined> {
  const to = listOf(section.to).map(upstreamOf);
  const before = reading.mistakes.length;
  if (
    section.tls?.verify === true &&
    section.tls.servername === undefined &&
    to.some(each => 'path' in each)
  ) {
    const right = 'give the "servername" that it is for, or "verify: false"';
    reading.report([...path, 'tls'], 'a Unix socket has no name that its certificate could be for', right);
  }
  const toTls = section.tls && (await loadUpstreamTls(section.tls, [...path, 'tls'], reading));
  const { 'send-proxy': sendProxy, 'data-ports': dataPorts, 'data-address': dataAddress } = section;
  if (reading.mistakes.length > before) return undefined;
  return {
    to,
    connectTimeout: section['connect-timeout'],
    upstreamTimeout: section['upstream-timeout'],
    ...(toTls === undefined ? {} : { toTls }),
    ...(sendProxy === undefined ? {} : { sendProxy }),
    ...(dataPorts === undefined ? {} : { dataPorts }),
    ...(dataAddress === undefined ? {} : { dataAddress }),
  };
}

type To = Extract<ProxySection['to'], readonly unknown[]>[number];

function upstreamOf(to: To): UpstreamAddress {
  if (!('address' in to)) return to;
  return to.servername === undefined ? to.address : { ...to.address, servername: to.servername };
}

async function loadUpstreamTls(
  section: NonNullable<ProxySection['tls']>,
  path: Path,
  reading: Reading,
): Promise<UpstreamTls> {
  const { mode, ca, servername, verify, cert, key, passphrase } = section;
  if (cert === undefined && key !== undefined)
    reading.report([...path, 'key'], 'there is a "key" without its certificate', 'name that in "cert"');
  const authorities = ca === undefined ? undefined : await loadCa(ca, [...path, 'ca'], reading);
  const pair =
    cert === undefined ? undefined : { cert, ...(key && { key }), ...(passphrase && { passphrase }) };
  const clientCertificate = pair && (await loadPair(pair, path, reading));
  return {
    mode,
    verify,
    ...(authorities === undefined ? {} : { ca: authorities }),
    ...(servername === undefined ? {} : { servername }),
    ...(clientCertificate === undefined ? {} : { clientCertificate }),
  };
}
