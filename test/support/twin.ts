import type { Protocol } from '../../src/dialogue/protocol.ts';
import { Stage, type StageOptions } from './stage.ts';

/** What was said when a protocol's own probe and its own server talked to each other in memory. */
export interface TwinTalk {
  readonly server: Stage;
  readonly probe: Stage;
  /** What the client said before TLS, the upgrade command last. */
  readonly upgradeScript: readonly string[];
  /** What the server said before the client did, and then to each piece of the script; the go-ahead last. */
  readonly upgradeReplies: readonly string[];
  /** What the client said under TLS. */
  readonly secureScript: readonly string[];
}

const ROUNDS = 50;

/** Lets both roles of a protocol talk until neither has more to say. */
export function twinTalk(protocol: Protocol, options: StageOptions = {}): TwinTalk {
  const server = new Stage(protocol, { ...options, role: 'server' }).start();
  const probe = new Stage(protocol, { role: 'probe' }).start();
  const upgradeScript: string[] = [];
  const upgradeReplies: string[] = [];
  const secureScript: string[] = [];
  let script = upgradeScript;
  for (let round = 0; round < ROUNDS; round++) {
    const fromServer = server.heard();
    if (script === upgradeScript && (fromServer !== '' || round === 0)) upgradeReplies.push(fromServer);
    if (fromServer !== '') probe.say(fromServer);
    const fromClient = probe.heard();
    if (fromClient !== '') {
      script.push(fromClient);
      server.say(fromClient);
    }
    if (server.upgrade !== undefined && probe.upgrade !== undefined) {
      script = secureScript;
      server.secure();
      probe.secure();
    } else if (fromServer === '' && fromClient === '') break;
  }
  return { server, probe, upgradeScript, upgradeReplies, secureScript };
}

/** A server that has just been asked for TLS, and has nothing unread. */
export function atUpgrade(protocol: Protocol, options: StageOptions = {}): Stage {
  const stage = new Stage(protocol, options).start();
  for (const piece of twinTalk(protocol).upgradeScript) stage.say(piece);
  stage.heard();
  return stage;
}
