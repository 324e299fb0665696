export interface Exchange {
  readonly say: string;
  /** The whole of the reply, up to its last line. */
  readonly hear: RegExp;
}

export interface Conversation {
  readonly first: Exchange;
  /** The goodbye, after which the server closes. Default: it has closed after its first answer. */
  readonly last?: Exchange;
}

/** What a server without an application answers under TLS. Packets are latin1, as all else is. */
export function conversationOf(protocol: string): Conversation {
  const conversation = conversations[protocol];
  if (conversation === undefined) throw new Error(`nothing to say in ${protocol}`);
  return conversation;
}

/** The same where TLS began with the first byte: only mysql, which counts its packets, knows the difference. */
export function implicitConversationOf(protocol: string): Conversation {
  return protocol === 'mysql' ? mysql(1) : conversationOf(protocol);
}

/** The offer of TLS in a list of capabilities, which must be gone under TLS; LDAP has a number for it. */
export const TLS_OFFER =
  /\b(STARTTLS|STLS|AUTH TLS)\b|\bLS :.*\btls\b|<starttls\b|1\.3\.6\.1\.4\.1\.1466\.20037/;

const EHLO_REPLY = /^250-localhost\r\n(250-.*\r\n)*250 .*\r\n/m;

function httpRequest(field: string): string {
  return `GET / HTTP/1.1\r\nHost: localhost\r\nAccept: text/plain\r\n${field}\r\n`;
}

/** Of all attributes of the root DSE (RFC 4512 section 5.1), messageID 2. */
const ROOT_DSE_SEARCH =
  '0\x28\x02\x01\x02c\x23\x04\0\n\x01\0\n\x01\0\x02\x01\0\x02\x01\0\x01\x01\0\x87\x0bobjectClass0\x03\x04\x01+';

/** SearchResultDone, with success and no more words. */
const SEARCH_DONE = 'e\x07\n\x01\0\x04\0\x04\0';

/** Unbinding is not answered. */
const NOTHING = /^/;

function xmpp(content: string): Conversation {
  const stream = `xmlns='${content}' xmlns:stream='http://etherx.jabber.org/streams'`;
  return {
    first: {
      say: `<?xml version='1.0'?><stream:stream ${stream} to='localhost' version='1.0'>`,
      hear: /<stream:stream .* id='\w+' .*<stream:features>.*<\/stream:features>/,
    },
    last: { say: '</stream:stream>', hear: /<\/stream:stream>/ },
  };
}

/** HandshakeResponse41 of a user without a password; the server's ERR has the next number. */
function mysql(sequence: number): Conversation {
  const settings = `\x01\x8a\x08\0\0\0\0\x01\x2d${'\0'.repeat(23)}`;
  const response = `${settings}tester\0\0caching_sha2_password\0`;
  const count = String.fromCharCode(sequence);
  const next = String.fromCharCode(sequence + 1);
  return {
    first: {
      say: `${String.fromCharCode(response.length)}\0\0${count}${response}`,
      hear: new RegExp(`[\\s\\S]\\0\\0${next}\\xffQ\\x04#HY000No database behind this server`),
    },
  };
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
  xmpp: xmpp('jabber:client'),
  'xmpp-server': xmpp('jabber:server'),
  telnet: {
    first: { say: 'HELP\r\n', hear: /^HELP, STATUS, QUIT or EXIT\r\n/m },
    last: { say: 'QUIT\r\n', hear: /^Bye\r\n/m },
  },
  ldap: {
    first: { say: ROOT_DSE_SEARCH, hear: new RegExp(`supportedLDAPVersion[\\s\\S]*${SEARCH_DONE}`) },
    last: { say: '0\x05\x02\x01\x03B\0', hear: NOTHING },
  },
  postgres: {
    first: {
      say: '\0\0\0\x15\0\x03\0\0user\0tester\0\0',
      hear: /E[\s\S]{4}SFATAL\0VFATAL\0C57P03\0MNo database behind this server\0\0/,
    },
  },
  mysql: mysql(2),
  line: {
    first: { say: 'STATUS\r\n', hear: /^tls: TLSv1\.[23]\r\n(\S.*: .*\r\n)*OK .*\r\n/m },
    last: { say: 'QUIT\r\n', hear: /^OK .*\r\n/m },
  },
};
