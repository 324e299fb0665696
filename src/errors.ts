/** Whose fault an error is: it decides the log level, the exit status and whether a retry makes sense. */
export type Blame = 'peer' | 'network' | 'config' | 'caller';

interface ErrorEntry {
  readonly blame: Blame;
  /** Constant text, safe to show to a peer: it never holds anything that a peer or a file said. */
  readonly message: string;
}

/**
 * Every error that Sallyport raises, by its stable code. Programs compare `error.code`, never the message.
 * `docs/reference/errors.md` has the same table; a test holds the two together.
 */
export const errorTable = {
  ERR_PLAINTEXT_AFTER_UPGRADE: { blame: 'peer', message: 'Plaintext behind the upgrade command' },
  ERR_LINE_TOO_LONG: { blame: 'peer', message: 'Line too long' },
  ERR_BAD_LINE: { blame: 'peer', message: 'Bare CR, bare LF or NUL in a line' },
  ERR_BAD_SYNTAX: { blame: 'peer', message: 'Syntax error' },
  ERR_BAD_COMMANDS: { blame: 'peer', message: 'Too many bad commands' },
  ERR_CLIENT_HELLO: { blame: 'peer', message: 'TLS ClientHello where a command was expected' },
  ERR_HTTP_REQUEST: { blame: 'peer', message: 'HTTP request on another protocol' },
  ERR_SPLICED_REQUEST: { blame: 'peer', message: 'Request in plaintext before TLS with ALPN' },
  ERR_PEER_CLOSED: { blame: 'peer', message: 'Connection closed by the peer' },
  ERR_UNEXPECTED_REPLY: { blame: 'peer', message: 'Unexpected reply' },
  ERR_TLS_NOT_OFFERED: { blame: 'peer', message: 'TLS not offered' },
  ERR_TLS_REFUSED: { blame: 'peer', message: 'TLS refused' },
  ERR_DIALOGUE_TIMEOUT: { blame: 'peer', message: 'Dialogue took too long' },
  ERR_COMMAND_TIMEOUT: { blame: 'peer', message: 'Timeout waiting for a command' },
  ERR_IDLE_TIMEOUT: { blame: 'peer', message: 'Idle for too long' },
  ERR_HANDSHAKE_TIMEOUT: { blame: 'peer', message: 'TLS handshake took too long' },
  ERR_HANDSHAKE_PEER_GONE: { blame: 'peer', message: 'Peer left during the TLS handshake' },
  ERR_HANDSHAKE_ALERT: { blame: 'peer', message: 'Peer ended the TLS handshake with an alert' },
  ERR_HANDSHAKE_NOT_TLS: { blame: 'peer', message: 'Plaintext instead of TLS' },
  ERR_HANDSHAKE_VERSION: { blame: 'peer', message: 'No TLS version in common' },
  ERR_HANDSHAKE_CIPHER: { blame: 'peer', message: 'No cipher in common' },
  ERR_HANDSHAKE_ALPN: { blame: 'peer', message: 'No application protocol in common' },
  ERR_HANDSHAKE_CERTIFICATE: { blame: 'peer', message: 'Client certificate missing or not trusted' },
  ERR_HANDSHAKE_SUBJECT: { blame: 'peer', message: 'Client certificate of somebody who is not allowed' },
  ERR_HANDSHAKE_NAME: { blame: 'peer', message: 'No certificate for the name' },
  ERR_HANDSHAKE_CHALLENGE: { blame: 'peer', message: 'ACME challenge, which ends with the handshake' },
  ERR_HANDSHAKE_FAILED: { blame: 'peer', message: 'TLS handshake failed' },
  ERR_SERVER_CERTIFICATE: { blame: 'peer', message: 'Server certificate not accepted' },
  ERR_TLS_RECORD: { blame: 'peer', message: 'Corrupt TLS record' },
  ERR_TOO_MANY_CONNECTIONS: { blame: 'network', message: 'Too many connections' },
  ERR_TOO_MANY_FROM_ADDRESS: { blame: 'network', message: 'Too many connections from your address' },
  ERR_CONNECTION_RATE: { blame: 'network', message: 'Too many new connections from your address' },
  ERR_HANDSHAKE_RATE: { blame: 'network', message: 'Too many TLS handshakes from your address' },
  ERR_SHUTTING_DOWN: { blame: 'network', message: 'Shutting down' },
  ERR_PROXY_HEADER: { blame: 'peer', message: 'PROXY header missing or malformed' },
  ERR_CONNECT: { blame: 'network', message: 'Cannot connect' },
  ERR_CONNECT_TIMEOUT: { blame: 'network', message: 'Connecting took too long' },
  ERR_CONNECTION: { blame: 'network', message: 'Connection failed' },
  ERR_UPSTREAM_UNREACHABLE: { blame: 'network', message: 'Upstream cannot be reached' },
  ERR_UPSTREAM_TIMEOUT: { blame: 'network', message: 'Upstream does not answer' },
  ERR_UPSTREAM_CLOSED: { blame: 'network', message: 'Upstream closed the connection' },
  ERR_UPSTREAM_REPLY: { blame: 'network', message: 'Upstream gave an unexpected reply' },
  ERR_LISTEN: { blame: 'config', message: 'Cannot listen' },
  ERR_PRIVILEGES: { blame: 'config', message: 'Cannot give up privileges' },
  ERR_OPTION: { blame: 'config', message: 'Bad option' },
  ERR_CERTIFICATE: { blame: 'config', message: 'Bad certificate or key' },
  ERR_ACME: { blame: 'network', message: 'Certificate not issued' },
  ERR_OCSP: { blame: 'network', message: 'No OCSP response' },
  ERR_APPLICATION_MODULE: { blame: 'config', message: 'Bad application module' },
  ERR_APPLICATION: { blame: 'caller', message: 'Application failed' },
  ERR_INTERNAL: { blame: 'caller', message: 'Internal error' },
  ERR_SOCKET: { blame: 'caller', message: 'Socket cannot be upgraded' },
  ERR_TLS_REQUIRED: { blame: 'caller', message: 'Hand-over in plaintext where TLS is required' },
} as const satisfies Record<string, ErrorEntry>;

export type ErrorCode = keyof typeof errorTable;

/**
 * The one error class. `message` is the table's constant text, followed by `detail` where there is one;
 * `code` and `blame` come from the table; `cause` is what lies beneath.
 */
export class SallyportError extends Error {
  readonly code: ErrorCode;
  readonly blame: Blame;
  /** The table's text alone: what a peer may be told. */
  readonly summary: string;

  constructor(code: ErrorCode, detail?: string, options?: ErrorOptions) {
    const { blame, message } = errorTable[code];
    const frames = Error.stackTraceLimit;
    // Where a peer's fault was found is no bug's trail, and to trace it costs a tenth of a whole connection.
    if (blame === 'peer' || blame === 'network') Error.stackTraceLimit = 0;
    super(detail === undefined ? message : `${message}: ${detail}`, options);
    Error.stackTraceLimit = frames;
    this.name = 'SallyportError';
    this.code = code;
    this.blame = blame;
    this.summary = message;
  }
}

/** What is said of a file or a folder that cannot be read: with the system's code for why, such as ENOENT. */
export function unreadable(cause: unknown): string {
  const code = cause instanceof Error && 'code' in cause ? String(cause.code) : 'unreadable';
  return `cannot be read (${code})`;
}
