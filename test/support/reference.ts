import type { Protocol } from '../../src/dialogue/protocol.ts';
import { type ErrorCode, SallyportError } from '../../src/errors.ts';
import { code } from './document.ts';
import { formOf } from './form.ts';
import { SCENE, Stage, TLS } from './stage.ts';
import { escaped, unescaped } from './transcript.ts';
import { twinTalk } from './twin.ts';

/** What the documents say of a protocol in tables, as the code has it: they are held to these texts. */

/** A protocol's row in the table of the README. */
export function protocolRow(protocol: Protocol, clients: readonly string[]): readonly string[] {
  const { name, port, implicitPort, alpn = [], specifications } = protocol;
  const [upgrade = 'our own'] = specifications;
  return [
    `[${name}](docs/protocol/${name}.md)`,
    upgrade,
    String(port),
    implicitPort === undefined ? '' : String(implicitPort),
    alpn.join(', '),
    [...clients].sort().join(', '),
  ];
}

/** The facts at the beginning of a protocol's own document. */
export function protocolFacts(protocol: Protocol): readonly string[] {
  const { port, implicitPort, alpn = [], specifications } = protocol;
  return [
    `- Documents: ${specifications.length === 0 ? 'none, it is our own' : specifications.join(', ')}`,
    `- Port: ${port}; implicit TLS: ${implicitPort ?? 'none of its own'}`,
    `- ALPN: ${alpn.length === 0 ? 'none is registered, and none is negotiated' : alpn.map(id => `\`${id}\``).join(', ')}`,
  ];
}

const UNAVAILABLE = ', TLS not available';

/** What stands for all that our own probe says before it asks for TLS. */
const OPENING = '…';

/** What a new connection's first command is answered, before TLS and under it: a row of a table of replies. */
export function replyRow(protocol: Protocol, command: string): readonly string[] {
  const available = !command.endsWith(UNAVAILABLE);
  const quoted = code(command);
  const said = quoted.replace(OPENING, '');
  const opening = said === quoted ? [] : twinTalk(protocol).upgradeScript.slice(0, -1);
  const before = new Stage(protocol, { available: () => available }).start().say(...opening);
  const under = new Stage(protocol, { available: () => available }).start(TLS).say(...opening);
  return [command, answer(protocol, before, said), answer(protocol, under, said)];
}

function answer(protocol: Protocol, stage: Stage, command: string): string {
  stage.heard();
  const quoted = quotedReply(protocol, stage.say(unescaped(command)).heard());
  if (stage.upgrade !== undefined) return `${quoted}, then TLS`;
  return stage.close === undefined ? quoted : `${quoted}, then closes`;
}

/** Lines, or bytes as a transcript has them. */
function quotedReply(protocol: Protocol, reply: string): string {
  if (reply === '') return 'nothing';
  const { units } = formOf(protocol);
  const requests = units === 'requests';
  if (units === 'packets' && !/^([\x20-\x7e]*\r\n)+$/.test(reply)) return `\`${escaped(reply)}\``;
  const lines = reply.split('\r\n').filter(line => line !== '' && !(requests && !TELLING.test(line)));
  return lines.map(line => `\`${line}\``).join('<br>');
}

/** Of a response to a request, what is not in all of them. */
const TELLING = /^(HTTP\/|(Upgrade|Connection|Location|Allow|Retry-After): )/;

/** The last words because of an error: a row of a table of farewells. */
export function farewellRow(protocol: Protocol, error: ErrorCode): readonly string[] {
  const words = protocol.farewell(new SallyportError(error), SCENE);
  return [`\`${error}\``, quotedReply(protocol, words ?? '')];
}
