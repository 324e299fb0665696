import type { Peer, Step } from '../../src/dialogue/peer.ts';
import { SallyportError } from '../../src/errors.ts';
import { Stage } from './stage.ts';

/** What a step made of what was said: its value, the code of its error, or `waits`. */
export function readStep<T>(step: (peer: Peer) => Step<T>, said: string): T | string {
  let result: T | string = 'waits';
  const play = function* (peer: Peer) {
    result = yield* step(peer);
    return 'close' as const;
  };
  const stage = new Stage({
    name: 'test',
    port: 1,
    speaksFirst: 'server',
    specifications: [],
    server: play,
    proxy: play,
    probe: play,
    farewell: () => undefined,
  });
  stage.start().say(said);
  return stage.close?.error instanceof SallyportError ? stage.close.error.code : result;
}
