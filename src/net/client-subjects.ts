import type { TLSSocket } from 'node:tls';
import { SallyportError } from '../errors.ts';
import { printable } from '../wire/printable.ts';

export type ClientJudge = (secure: TLSSocket) => SallyportError | undefined;

/**
 * Judges clients whose certificate an authority vouches for: ERR_HANDSHAKE_SUBJECT where none of its common names and
 * subject alternative names is one of `subjects` (`*` stands for one label; any case), ERR_HANDSHAKE_CERTIFICATE where it
 * has expired since, as a session that is resumed is not verified again; `undefined` where all is well.
 */
export function clientJudge(subjects: readonly string[] | undefined): ClientJudge {
  const allowed = subjects?.map(patternOf);
  return secure => {
    const certificate = secure.getPeerX509Certificate();
    if (certificate === undefined || Date.parse(certificate.validTo) < Date.now()) {
      return new SallyportError('ERR_HANDSHAKE_CERTIFICATE', 'CERT_HAS_EXPIRED');
    }
    const names = [...commonNames(secure), ...altNames(certificate.subjectAltName)];
    if (allowed === undefined || names.some(name => allowed.some(each => each.test(name)))) return undefined;
    return new SallyportError('ERR_HANDSHAKE_SUBJECT', printable(names.join(', ')));
  };
}

/** Not from `subject`, which is text in which a name could look like another field. */
function commonNames(secure: TLSSocket): readonly string[] {
  // Not in the types: a subject need not have any, and may have several.
  const { CN }: { readonly CN?: string | readonly string[] } = secure.getPeerCertificate().subject ?? {};
  return CN === undefined ? [] : [CN].flat();
}

function altNames(listed: string | undefined): readonly string[] {
  // Names that need quotes are none that an operator could mean (CVE-2021-44532).
  return (listed?.split(', ') ?? []).flatMap(
    entry => /^(?:DNS|IP Address|email|URI):([^"]+)$/.exec(entry)?.[1] ?? [],
  );
}

function patternOf(subject: string): RegExp {
  const [...parts] = subject.split('*').map(part => part.replace(/[\\^$.|?+()[\]{}]/g, '\\$&'));
  return new RegExp(`^${parts.join('[^.@/]+')}$`, 'i');
}
