/** How bad a fault is: `error` is open to attack or does not work, `warning` weakens, `info` is good to know. */
export type Severity = 'error' | 'warning' | 'info';

/** What a check is about. */
export type Family = 'offer' | 'boundary' | 'dialogue' | 'clients' | 'handshake' | 'certificate' | 'service';

/** How far the first connection has to come for a check to make sense. */
export type Reached = 'connected' | 'go-ahead' | 'secure' | 'answered';

export interface CheckEntry {
  readonly family: Family;
  readonly severity: Severity;
  /** What is wrong where the check finds something, in one sentence without its full stop. */
  readonly title: string;
  /** Why it matters. */
  readonly why: string;
  /** What to do about it. */
  readonly remedy: string;
  /** RFCs with their sections, CVEs, papers. */
  readonly references: readonly string[];
  readonly needs: Reached;
  /** Whether it is about the upgrade, so that there is nothing to check where TLS comes first. */
  readonly inBand: boolean;
  /** Whether it could disturb a service; it then has to be asked for. */
  readonly intrusive: boolean;
}

type Given = Omit<CheckEntry, 'inBand' | 'intrusive'> & Partial<CheckEntry>;

/** Every check, by its stable id, in the order in which they are carried out. */
export const checkTable = {
  'tls-not-offered': check({
    family: 'offer',
    severity: 'error',
    title: 'The server does not offer TLS',
    why: 'All that is said can be read and changed on the way, passwords among it; and where the server has TLS, somebody on the way may have taken the offer out.',
    remedy:
      'Give the server a certificate and turn STARTTLS on; if it is on, look for a device that takes the offer out.',
    references: ['RFC 3207 section 6', 'RFC 8314 section 3', 'CVE-2016-0772'],
    needs: 'connected',
    inBand: true,
  }),
  'tls-refused': check({
    family: 'offer',
    severity: 'error',
    title: 'The server offers TLS and refuses it',
    why: 'Careful clients give up, the others go on in plaintext.',
    remedy: 'Look at the log of the server: mostly its certificate or key cannot be read.',
    references: ['RFC 3207 section 4'],
    needs: 'connected',
    inBand: true,
  }),
  'already-logged-in': check({
    family: 'offer',
    severity: 'error',
    title: 'The greeting says that a login has been done, so TLS cannot be asked for',
    why: 'This is what somebody on the way says to keep a client in plaintext; many clients used to believe it.',
    remedy:
      'Do not log clients in by their address on a port without TLS; if the server does not, look for who changes the greeting.',
    references: ['RFC 9051 section 11.4', 'CVE-2020-12398', 'NO STARTTLS, USENIX Security 2021'],
    needs: 'connected',
    inBand: true,
  }),
  'plaintext-behind-go-ahead': check({
    family: 'boundary',
    severity: 'error',
    title: 'The server says more in plaintext behind its go-ahead',
    why: 'A client that reads on takes words for protected that nobody vouches for; a careful client breaks off.',
    remedy: 'Update the server: it must stop its plaintext side before it says the go-ahead.',
    references: ['CVE-2021-38371', 'CVE-2021-23222', 'RFC 3207 section 4.2'],
    needs: 'connected',
    inBand: true,
  }),
  'injection-line': check({
    family: 'boundary',
    severity: 'error',
    title: 'A command that was sent in plaintext behind the upgrade command is carried out under TLS',
    why: 'Somebody on the way can put commands of their own in front of a protected session: the server takes them for those of the client, and so mail and passwords can be stolen.',
    remedy: 'Update the server: it must drop what it has read and not used before it turns TLS on.',
    references: [
      'CVE-2011-0411',
      'CVE-2021-38084',
      'RFC 3207 section 6',
      'NO STARTTLS, USENIX Security 2021',
    ],
    needs: 'answered',
    inBand: true,
  }),
  'injection-lines': check({
    family: 'boundary',
    severity: 'error',
    title: 'Of many commands behind the upgrade command, some are carried out under TLS',
    why: 'The server drops one command and not a full buffer of them, or its parser works on while the handshake is done: that is command injection as well.',
    remedy:
      'Update the server: its parser must be stopped before the go-ahead is said, and what it holds dropped.',
    references: ['CVE-2011-0411', 'RFC 3207 section 6'],
    needs: 'answered',
    inBand: true,
  }),
  'injection-partial': check({
    family: 'boundary',
    severity: 'error',
    title: 'The beginning of a command behind the upgrade command is glued to the first command under TLS',
    why: 'Somebody on the way can change the first protected command of a client.',
    remedy: 'Update the server: the incomplete line has to be dropped before TLS is turned on, too.',
    references: ['CVE-2011-0411', 'RFC 3207 section 6'],
    needs: 'answered',
    inBand: true,
  }),
  'injection-after-go-ahead': check({
    family: 'boundary',
    severity: 'error',
    title: 'A command that was sent in plaintext behind the go-ahead is carried out under TLS',
    why: 'The plaintext side reads on while TLS is being turned on: somebody on the way can put commands in front of a protected session.',
    remedy: 'Update the server: behind the go-ahead, all that comes belongs to TLS.',
    references: ['CVE-2011-0411', 'RFC 3207 section 6'],
    needs: 'answered',
    inBand: true,
  }),
  'plaintext-after-failed-handshake': check({
    family: 'boundary',
    severity: 'error',
    title: 'After a failed handshake the server goes on in plaintext',
    why: 'Somebody on the way can break the handshake, and a client that does not notice goes on without protection.',
    remedy: 'Update the server: a failed handshake must end the connection.',
    references: ['RFC 3207 section 4.1', 'RFC 8446 section 6.2'],
    needs: 'go-ahead',
  }),
  'second-upgrade': check({
    family: 'boundary',
    severity: 'warning',
    title: 'Under TLS the server takes the upgrade command once more',
    why: 'Behind a proxy that ends TLS this turns on a second TLS inside of the first, with a state that nobody has tested.',
    remedy: 'Refuse the upgrade command while TLS is on; on a proxy, answer it there.',
    references: ['RFC 3207 section 4.2', 'RFC 9051 section 6.2.1', 'RFC 4642 section 2.2.1'],
    needs: 'answered',
  }),
  'state-kept': check({
    family: 'boundary',
    severity: 'error',
    title: 'What was said in plaintext is remembered under TLS',
    why: 'Somebody on the way can begin a transaction in the name of a client, which then goes on with it.',
    remedy: 'Update the server: all that it knows of a client is to be forgotten when TLS is turned on.',
    references: ['RFC 3207 section 4.2'],
    needs: 'answered',
    inBand: true,
  }),
  'login-offered': check({
    family: 'dialogue',
    severity: 'warning',
    title: 'Before TLS the server invites clients to send a password',
    why: 'A client that is not set to insist on TLS follows, and anybody on the way can read the password.',
    remedy: 'List ways to log in only under TLS.',
    references: ['RFC 8314 section 3', 'RFC 9051 section 11.1', 'RFC 4954 section 4'],
    needs: 'answered',
    inBand: true,
  }),
  'login-accepted': check({
    family: 'dialogue',
    severity: 'error',
    title: 'Before TLS the server takes a login',
    why: 'The password of a client that is not set to insist on TLS can be read on the way.',
    remedy:
      'Refuse logins while TLS is off (Postfix: smtpd_tls_auth_only, Dovecot: disable_plaintext_auth, OpenLDAP: security tls=1, PostgreSQL: hostssl).',
    references: ['RFC 8314 section 3', 'RFC 4954 section 4', 'RFC 4513 section 6.3.1'],
    needs: 'go-ahead',
    inBand: true,
  }),
  'tls-offered-under-tls': check({
    family: 'dialogue',
    severity: 'warning',
    title: 'Under TLS the server still offers TLS',
    why: 'A client that follows its lists asks for TLS for ever, or is refused and gives up.',
    remedy: 'Leave the offer out of the list while TLS is on.',
    references: [
      'RFC 3207 section 4.2',
      'RFC 2595 section 4',
      'RFC 9051 section 6.2.1',
      'RFC 4642 section 2.2.2',
    ],
    needs: 'answered',
  }),
  'no-reply-under-tls': check({
    family: 'dialogue',
    severity: 'error',
    title: 'Under TLS the first reply is not what the protocol says',
    why: 'Clients wait for ever, or take a second greeting for the answer to their first command and are one reply late from then on.',
    remedy: 'Under TLS go on as the protocol says: most say no second greeting.',
    references: ['RFC 3207 section 4.2', 'RFC 2595 section 4', 'RFC 5804 section 2.2'],
    needs: 'secure',
    inBand: true,
  }),
  'split-go-ahead': check({
    family: 'clients',
    severity: 'warning',
    title: 'The go-ahead comes in several segments',
    why: 'Many clients read once, take what has come for the go-ahead and the rest for TLS: s_client and gnutls-cli fail with "wrong version number".',
    remedy: 'Write each reply in one piece.',
    references: ['RFC 3207 section 4'],
    needs: 'go-ahead',
    inBand: true,
  }),
  'split-reply': check({
    family: 'clients',
    severity: 'info',
    title: 'Before TLS a reply comes in several segments',
    why: 'Scanners and some clients judge a reply by the first read: sslyze and nmap miss the offer of TLS then, and s_client one of a greeting.',
    remedy: 'Write each reply in one piece.',
    references: ['RFC 3207 section 4'],
    needs: 'go-ahead',
    inBand: true,
  }),
  'long-reply': check({
    family: 'clients',
    severity: 'info',
    title: 'Before TLS a reply has more than 1023 bytes',
    why: 'gnutls-cli reads no further, and reports a timeout.',
    remedy: 'Shorten the greeting, or the list of capabilities.',
    references: ['RFC 3207 section 4'],
    needs: 'go-ahead',
    inBand: true,
  }),
  'capability-spelling': check({
    family: 'clients',
    severity: 'warning',
    title: 'The offer of TLS is not spelled in capitals',
    why: 'Some clients compare it letter by letter: swaks refuses to go on, s_client warns.',
    remedy: 'List it as the RFC writes it.',
    references: ['RFC 3207 section 4', 'RFC 2595 section 4'],
    needs: 'go-ahead',
    inBand: true,
  }),
  'handshake-failed': check({
    family: 'handshake',
    severity: 'error',
    title: 'A TLS client of today cannot agree with the server',
    why: 'Clients that insist on TLS cannot use the server, and the others go on in plaintext.',
    remedy: 'Turn on TLS 1.2 and 1.3 with their usual ciphers; look at the log of the server.',
    references: ['RFC 9325 section 3.1', 'RFC 9325 section 4.2'],
    needs: 'go-ahead',
  }),
  'old-tls': check({
    family: 'handshake',
    severity: 'warning',
    title: 'The server accepts SSL 3.0, TLS 1.0 or TLS 1.1',
    why: 'They rest on SHA-1 and MD5 and have been withdrawn; a client can be pushed down to them.',
    remedy: 'Allow TLS 1.2 and 1.3 only.',
    references: ['RFC 8996', 'RFC 7568', 'RFC 9325 section 3.1.1'],
    needs: 'go-ahead',
  }),
  'no-tls13': check({
    family: 'handshake',
    severity: 'info',
    title: 'The server does not know TLS 1.3',
    why: 'TLS 1.2 is sound when it is set up well; 1.3 is faster, hides the certificate and has post-quantum key exchange.',
    remedy: 'Turn TLS 1.3 on; it may take a newer TLS library.',
    references: ['RFC 9325 section 3.1.1', 'RFC 8446'],
    needs: 'go-ahead',
  }),
  'broken-cipher': check({
    family: 'handshake',
    severity: 'error',
    title: 'The server accepts a broken cipher suite',
    why: 'Without encryption, without a certificate, with export keys, DES or RC4 a session can be read or taken over.',
    remedy: 'Allow AEAD suites with ECDHE only (RFC 9325 section 4.2).',
    references: ['RFC 9325 section 4.1', 'RFC 7465', 'CVE-2015-0204', 'CVE-2015-4000'],
    needs: 'go-ahead',
  }),
  'short-block-cipher': check({
    family: 'handshake',
    severity: 'warning',
    title: 'The server accepts 3DES',
    why: 'With blocks of 64 bits, a long session gives away parts of what is said (Sweet32).',
    remedy: 'Allow AEAD suites with ECDHE only (RFC 9325 section 4.2).',
    references: ['CVE-2016-2183', 'RFC 9325 section 4.1'],
    needs: 'go-ahead',
  }),
  'no-forward-secrecy': check({
    family: 'handshake',
    severity: 'warning',
    title: 'The server accepts RSA key exchange, without forward secrecy',
    why: 'Who records sessions and gets hold of the key later can read them all; and RSA decryption is a favourite for side channels (ROBOT).',
    remedy: 'Allow suites with ECDHE only.',
    references: ['RFC 9325 section 4.1', 'CVE-2017-13099'],
    needs: 'go-ahead',
  }),
  renegotiation: check({
    family: 'handshake',
    severity: 'warning',
    title: 'A client may renegotiate, again and again',
    why: 'Each renegotiation costs the server far more than the client: one connection can keep it busy.',
    remedy: 'Turn renegotiation by clients off (OpenSSL: SSL_OP_NO_RENEGOTIATION).',
    references: ['CVE-2011-1473', 'RFC 9325 section 3.5'],
    needs: 'secure',
  }),
  'fragmented-hello': check({
    family: 'handshake',
    severity: 'error',
    title: 'A ClientHello that comes in pieces is refused',
    why: 'Networks cut as they like, and a ClientHello with post-quantum keys does not fit into one segment: such clients cannot connect.',
    remedy:
      'Update the server or the device before it: TLS records and TCP segments have no meaning of their own.',
    references: ['RFC 8446 section 5.1', 'tldr.fail'],
    needs: 'go-ahead',
  }),
  'large-hello': check({
    family: 'handshake',
    severity: 'error',
    title: 'A ClientHello with a post-quantum key is refused',
    why: 'Browsers and TLS libraries send 1.2 KB more than they used to; a server that does not expect it cannot be reached by them.',
    remedy:
      'Update the server or the device before it: an unknown group is to be ignored, and a hello may be larger than a segment.',
    references: ['RFC 8446 section 4.1.2', 'draft-ietf-tls-ecdhe-mlkem', 'tldr.fail'],
    needs: 'go-ahead',
  }),
  'alpn-ignored': check({
    family: 'handshake',
    severity: 'warning',
    title: 'A client that asks for another protocol by ALPN is let in',
    why: 'A browser can be sent to this server in place of a web server with the same certificate, and be attacked by what comes back (ALPACA).',
    remedy:
      "Have the server refuse an ALPN list without the protocol's id (alert 120), and still take clients without ALPN.",
    references: ['CVE-2021-3618', 'RFC 7301 section 3.2', 'RFC 9325 section 3.7'],
    needs: 'secure',
  }),
  'stalled-handshake': check({
    family: 'handshake',
    severity: 'warning',
    title: 'A handshake that stalls is never ended',
    why: 'Each such connection holds memory and a descriptor: a few thousand of them end the service.',
    remedy: 'Set a deadline for the handshake.',
    references: ['RFC 5321 section 4.5.3.2', 'CWE-400'],
    needs: 'go-ahead',
    intrusive: true,
  }),
  'certificate-name': check({
    family: 'certificate',
    severity: 'error',
    title: 'The certificate is for another name',
    why: 'Clients that check refuse it; those that do not can be sent to anybody.',
    remedy: 'Get a certificate with this name among its alternative names.',
    references: ['RFC 9525 section 6', 'RFC 7817'],
    needs: 'secure',
  }),
  'certificate-expired': check({
    family: 'certificate',
    severity: 'error',
    title: 'A certificate has expired',
    why: 'Clients refuse it.',
    remedy: 'Renew it, and see that the server loads the new one.',
    references: ['RFC 5280 section 4.1.2.5'],
    needs: 'secure',
  }),
  'certificate-not-yet-valid': check({
    family: 'certificate',
    severity: 'error',
    title: 'A certificate is not valid yet',
    why: 'Clients refuse it.',
    remedy: 'Look at the clocks, of the server and of who issued it.',
    references: ['RFC 5280 section 4.1.2.5'],
    needs: 'secure',
  }),
  'certificate-expires-soon': check({
    family: 'certificate',
    severity: 'warning',
    title: 'A certificate expires soon',
    why: 'From then on clients refuse it; an automatic renewal would have been done by now.',
    remedy: 'Renew it, and see why that has not happened by itself.',
    references: ['RFC 5280 section 4.1.2.5'],
    needs: 'secure',
  }),
  'certificate-untrusted': check({
    family: 'certificate',
    severity: 'error',
    title: 'No trusted authority vouches for the certificate',
    why: 'Clients that check refuse it.',
    remedy:
      'Get a certificate of a public authority; for one of your own, give clients (and this probe) its certificate.',
    references: ['RFC 5280 section 6', 'RFC 7817'],
    needs: 'secure',
  }),
  'chain-incomplete': check({
    family: 'certificate',
    severity: 'error',
    title: 'The certificate comes alone, and no trusted authority has issued it',
    why: 'Clients that have not met the certificate between by chance refuse it.',
    remedy:
      'Have the server send the whole chain; with an authority of your own, give clients (and this probe) its certificate.',
    references: ['RFC 8446 section 4.4.2', 'RFC 5246 section 7.4.2'],
    needs: 'secure',
  }),
  'chain-order': check({
    family: 'certificate',
    severity: 'warning',
    title: 'The certificates of the chain are not in their order',
    why: 'TLS 1.2 demands it, and small clients build no chain of their own.',
    remedy: "Put the server's certificate first, and each issuer's behind it.",
    references: ['RFC 5246 section 7.4.2', 'RFC 8446 section 4.4.2'],
    needs: 'secure',
  }),
  'root-sent': check({
    family: 'certificate',
    severity: 'info',
    title: 'The server sends the root certificate, too',
    why: 'Clients have it or do not believe it: it only makes each handshake longer.',
    remedy: 'Leave it out of the chain.',
    references: ['RFC 5246 section 7.4.2', 'RFC 8446 section 4.4.2'],
    needs: 'secure',
  }),
  'weak-key': check({
    family: 'certificate',
    severity: 'error',
    title: 'A certificate has a weak key',
    why: 'RSA below 2048 bits and curves below 224 bits can be broken by those with the means.',
    remedy: 'Make a new key: ECDSA P-256, or RSA with 2048 bits and more.',
    references: ['RFC 9325 section 4.5', 'NIST SP 800-57'],
    needs: 'secure',
  }),
  'weak-signature': check({
    family: 'certificate',
    severity: 'error',
    title: 'A certificate is signed with MD5 or SHA-1',
    why: 'Another certificate with the same signature can be made.',
    remedy: 'Have it issued anew, with SHA-256.',
    references: ['RFC 9155', 'RFC 9325 section 4.5'],
    needs: 'secure',
  }),
  'reset-harms-others': check({
    family: 'service',
    severity: 'error',
    title: 'After a client has broken off, the next one gets no answer',
    why: 'Anybody can stop the service with one packet.',
    remedy: 'Update the server: an error on one connection must not end the process.',
    references: ['CWE-248', 'CWE-400'],
    needs: 'go-ahead',
  }),
} as const satisfies Record<string, CheckEntry>;

export type CheckId = keyof typeof checkTable;

export const checkIds = Object.keys(checkTable) as readonly CheckId[]; // the table's own keys

function check(given: Given): CheckEntry {
  return { inBand: false, intrusive: false, ...given };
}
