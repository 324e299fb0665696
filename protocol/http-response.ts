/** A response before it is known to which request, and whether the connection goes on. */
export interface Response {
  readonly status: number;
  readonly fields?: Readonly<Record<string, string>>;
  /** Whether TLS may be asked for (RFC 2817 section 4). Default `false`. */
  readonly offersTls?: boolean;
  /** ASCII. */
  readonly content?: { readonly type: string; readonly text: string };
}

const REASONS: Readonly<Record<number, string>> = {
  101: 'Switching Protocols',
  200: 'OK',
  204: 'No Content',
  308: 'Permanent Redirect',
  400: 'Bad Request',
  404: 'Not Found',
  405: 'Method Not Allowed',
  408: 'Request Timeout',
  414: 'URI Too Long',
  426: 'Upgrade Required',
  429: 'Too Many Requests',
  431: 'Request Header Fields Too Large',
  500: 'Internal Server Error',
  501: 'Not Implemented',
  502: 'Bad Gateway',
  503: 'Service Unavailable',
  504: 'Gateway Timeout',
  505: 'HTTP Version Not Supported',
};

/** What browsers are told with every response: nothing is kept, guessed, framed or fetched. */
const ALWAYS = {
  'Cache-Control': 'no-store',
  'X-Content-Type-Options': 'nosniff',
  'Referrer-Policy': 'no-referrer',
} as const;

/** The layers that may be asked for, from the bottom to the top. */
const OFFER = { Upgrade: 'TLS/1.2, HTTP/1.1' } as const;

/** There is no clock in a dialogue, so there is no Date (RFC 9110 section 6.6.1). */
export function responseText(
  { status, fields = {}, offersTls = false, content }: Response,
  { head = false, close = false }: { readonly head?: boolean; readonly close?: boolean } = {},
): string {
  const options = [...(offersTls ? ['Upgrade'] : []), ...(close ? ['close'] : [])];
  const length = content?.text.length ?? 0;
  const all = {
    ...fields,
    ...ALWAYS,
    ...(offersTls ? OFFER : {}),
    ...(options.length === 0 ? {} : { Connection: options.join(', ') }),
    ...(content === undefined ? {} : { 'Content-Type': content.type }),
    // RFC 9110 section 8.6.
    ...(status === 204 ? {} : { 'Content-Length': String(length) }),
  };
  const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}\r\n`);
  return `${statusLine(status)}${lines.join('')}\r\n${head ? '' : (content?.text ?? '')}`;
}

/** The status alone as content, with a word on why. */
export function plain(status: number, detail?: string): Required<Pick<Response, 'status' | 'content'>> {
  const text = `${status} ${REASONS[status]}${detail === undefined ? '' : `: ${detail}`}\r\n`;
  return { status, content: { type: 'text/plain; charset=utf-8', text } };
}

/** A last response, to what may not even be a request. */
export function plainResponse(status: number, detail?: string): string {
  return responseText(plain(status, detail), { close: true });
}

/** The go-ahead (RFC 2817 section 3.3): the layers from the bottom to the top. */
export function switching(token: string): string {
  return `${statusLine(101)}Upgrade: ${token}, HTTP/1.1\r\nConnection: Upgrade\r\n\r\n`;
}

function statusLine(status: number): string {
  return `HTTP/1.1 ${status} ${REASONS[status]}\r\n`;
}
