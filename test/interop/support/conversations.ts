export interface Exchange {
  readonly say: string;
  /** The whole of the reply, up to its last line. */
  readonly hear: RegExp;
}

export interface Conversation {
  readonly first: Exchange;
  /** The goodbye, after which the server closes. */
  readonly last: Exchange;
}

/** What a server without an application answers under TLS. */
export function conversationOf(protocol: string): Conversation {
  const conversation = conversations[protocol];
  if (conversation === undefined) throw new Error(`nothing to say in ${protocol}`);
  return conversation;
}

/** Whether a person could type something there: the others are spoken to by their own clients. */
export function canConverse(protocol: string): boolean {
  return conversations[protocol] !== undefined;
}

/** The offer of TLS in a list of capabilities, which must be gone under TLS. */
export const TLS_OFFER = /\b(STARTTLS|STLS|AUTH TLS)\b|\bLS :.*\btls\b/;

const EHLO_REPLY = /^250-localhost\r\n(250-.*\r\n)*250 .*\r\n/m;

function httpRequest(field: string): string {
  return `GET / HTTP/1.1\r\nHost: localhost\r\nAccept: text/plain\r\n${field}\r\n`;
}

const conversations: Readonly<Record<string, Conversation>> = {
  smtp: {
    first: { say: 'EHLO client.example.org\r\n', hear: EHLO_REPLY },
    last: { say: 'QUIT\r\n', hear: /^221 .*\r\n/m },
  },
  lmtp: {
    first: { say: 'LHLO client.example.org\r\n', hear: EHLO_REPLY },
    last: { say: 'QUIT\r\n', hear: /^221 .*\r\n/m },
  },
  pop3: {
    first: { say: 'CAPA\r\n', hear: /^\+OK.*\r\n([^.\r\n]+\r\n)*\.\r\n/m },
    last: { say: 'QUIT\r\n', hear: /^\+OK.*\r\n/m },
  },
  imap: {
    first: { say: 'a1 CAPABILITY\r\n', hear: /^\* CAPABILITY IMAP4rev1.*\r\na1 OK .*\r\n/m },
    last: { say: 'a2 LOGOUT\r\n', hear: /^\* BYE .*\r\na2 OK .*\r\n/m },
  },
  acap: {
    first: { say: 'a1 NOOP\r\n', hear: /^a1 OK .*\r\n/m },
    last: { say: 'a2 LOGOUT\r\n', hear: /^\* BYE .*\r\na2 OK .*\r\n/m },
  },
  nntp: {
    first: { say: 'CAPABILITIES\r\n', hear: /^101 .*\r\nVERSION 2\r\n([^.\r\n]+\r\n)*\.\r\n/m },
    last: { say: 'QUIT\r\n', hear: /^205 .*\r\n/m },
  },
  sieve: {
    first: { say: 'CAPABILITY\r\n', hear: /^("[^\r\n]*\r\n)+OK .*\r\n/m },
    last: { say: 'LOGOUT\r\n', hear: /^OK .*\r\n/m },
  },
  ftp: {
    first: { say: 'FEAT\r\n', hear: /^211-.*\r\n( .*\r\n)+211 .*\r\n/m },
    last: { say: 'QUIT\r\n', hear: /^221 .*\r\n/m },
  },
  irc: {
    first: { say: 'CAP LS 302\r\n', hear: /^:localhost CAP \* LS :.*\r\n/m },
    last: { say: 'QUIT\r\n', hear: /^ERROR :.*\r\n/m },
  },
  http: {
    first: {
      say: httpRequest(''),
      hear: /^HTTP\/1\.1 200 OK\r\n(.+\r\n)+\r\nEncrypted\.[\s\S]*resumed:.*\n/m,
    },
    last: {
      say: httpRequest('Connection: close\r\n'),
      hear: /^HTTP\/1\.1 200 OK\r\n[\s\S]*^Connection: close\r\n/m,
    },
  },
  line: {
    first: { say: 'STATUS\r\n', hear: /^tls: TLSv1\.[23]\r\n(\S.*: .*\r\n)*OK .*\r\n/m },
    last: { say: 'QUIT\r\n', hear: /^OK .*\r\n/m },
  },
};
