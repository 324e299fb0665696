import { checkTable } from '../../src/probe/check-table.ts';
import type { Finding, Moment, ProbeFacts, ProbeResult } from '../../src/probe/probe-result.ts';

/** What a server would like to do to who reads its report; as the engine has it, so bytes are escaped already. */
export const HOSTILE = String.raw`220 <script>alert("1")</script> ]]> ' &amp; \x1b[31m \\ ready\x0d\x0a`;

/** A name that nobody has escaped. */
const STRANGE_HOST = 'a"b\\<i>\x1b[2J\u202e.example.org';

const said = (at: number, by: 'client' | 'server', secure: boolean, text: string): Moment => ({
  kind: 'said',
  at,
  by,
  secure,
  text,
  size: text.replace(/\\x../g, '.').length,
});

const dialogue: readonly Moment[] = [
  said(1.5, 'server', false, String.raw`220 mail.example.org ready\x0d\x0a`),
  said(2, 'client', false, String.raw`EHLO sallyport-probe.invalid\x0d\x0a`),
  said(3, 'server', false, String.raw`250-mail.example.org\x0d\x0a250 STARTTLS\x0d\x0a`),
  said(3.2, 'client', false, String.raw`STARTTLS\x0d\x0aNOOP\x0d\x0a`),
  said(4, 'server', false, String.raw`220 2.0.0 Go ahead\x0d\x0a`),
  { kind: 'tls', at: 12.25, version: 'TLSv1.3', cipher: 'TLS_AES_256_GCM_SHA384' },
  said(13, 'server', true, String.raw`250 2.0.0 OK\x0d\x0a`),
  { kind: 'note', at: 20, by: 'client', text: 'FIN' },
];

const facts: ProbeFacts = {
  offer: {
    offered: true,
    command: String.raw`STARTTLS\x0d\x0a`,
    goAhead: String.raw`220 2.0.0 Go ahead\x0d\x0a`,
  },
  capabilities: { before: ['STARTTLS'], after: ['AUTH PLAIN'], gone: ['STARTTLS'], added: ['AUTH PLAIN'] },
  tls: {
    version: 'TLSv1.3',
    cipher: 'TLS_AES_256_GCM_SHA384',
    group: 'X25519MLKEM768',
    postQuantum: true,
    alpn: undefined,
  },
  versions: [
    { version: 'TLSv1.2', accepted: false, cipher: undefined, reason: undefined },
    { version: 'TLSv1.3', accepted: true, cipher: 'TLS_AES_256_GCM_SHA384', reason: undefined },
  ],
  groups: [{ group: 'X25519MLKEM768', postQuantum: true, accepted: true }],
  certificates: [
    {
      subject: 'CN=mail.example.org',
      issuer: 'CN=Root',
      altNames: 'DNS:mail.example.org',
      validFrom: '2026-01-01T00:00:00.000Z',
      validTo: '2026-06-01T00:00:00.000Z',
      daysLeft: -3,
      key: 'EC prime256v1',
      signature: 'ecdsa-with-SHA256',
      fingerprint: Array.from({ length: 32 }, () => 'AB').join(':'),
      selfSigned: false,
    },
  ],
  chain: { trusted: false, fault: 'CERT_HAS_EXPIRED', named: true, ordered: true, rootSent: false },
  ocspStapled: false,
  resumption: [{ version: 'TLSv1.3', resumed: true, ticketLifetime: 7200 }],
  times: { connect: 1.25, dialogue: 2.75, handshake: 8, underTls: undefined },
};

function finding(check: Finding['check'], evidence: readonly Moment[], detail?: string): Finding {
  const { family, severity, title, why, remedy, references } = checkTable[check];
  return { check, family, severity, title, why, remedy, references: [...references], detail, evidence };
}

const target = (host: string) => ({
  url: `smtp://${host}:25`,
  protocol: 'smtp',
  implicit: false,
  address: `${host}:25`,
  servername: host,
});

const common = { startedAt: '2026-06-04T10:20:30.456Z', duration: 1234, connections: 38 };

export const sound: ProbeResult = {
  target: target('sound.example.org'),
  ...common,
  verdict: 'sound',
  error: undefined,
  findings: [],
  passed: ['tls-not-offered', 'injection-line'],
  notTried: [{ check: 'stalled-handshake', title: 'A handshake that stalls', reason: 'not asked for' }],
  facts,
  transcript: dialogue,
};

export const faulty: ProbeResult = {
  ...sound,
  target: target('mail.example.org'),
  verdict: 'findings',
  findings: [
    finding('injection-line', dialogue),
    finding('login-offered', [said(3, 'server', false, HOSTILE)], 'AUTH PLAIN <"&>'),
    finding('no-tls13', []),
  ],
  passed: ['tls-not-offered'],
};

const unknown: ProbeFacts = {
  offer: undefined,
  capabilities: undefined,
  tls: undefined,
  versions: [],
  groups: [],
  certificates: [],
  chain: undefined,
  ocspStapled: undefined,
  resumption: [],
  times: { connect: undefined, dialogue: undefined, handshake: undefined, underTls: undefined },
};

/** Could not be probed, and has all that a report must not carry on. */
export const failed: ProbeResult = {
  ...sound,
  target: target(STRANGE_HOST),
  verdict: 'failed',
  error: { code: 'ERR_UNEXPECTED_REPLY', message: `Unexpected reply: ${HOSTILE}` },
  findings: [],
  passed: [],
  notTried: [],
  facts: unknown,
  transcript: [said(0.5, 'server', false, HOSTILE)],
};
