import { setTimeout as pause } from 'node:timers/promises';
import { atCommand } from '../approach.ts';
import { atOnce, upTo } from '../at-once.ts';
import { delay } from '../delay.ts';
import type { Target } from '../target.ts';
import { type Check, verdictOf } from './check.ts';

const REFUSED = 40;
const AT_ONCE = 8;

/** How soon the server must have let go of clients that are gone, in milliseconds. */
const SOON = 1500;
const LOOK_EVERY = 20;

export const refusedConnections: Check = {
  id: 'refused connections',
  title: 'a refused connection is gone from the server when its client is gone',
  fault: 'finding 6',
  async run(target) {
    await settled(target);
    const before = await target.descriptors();
    await atOnce(AT_ONCE, upTo(REFUSED), () => beRefused(target));
    const left = (await descriptorsDownTo(before, target)) - before;
    if (left <= 0) return verdictOf(upTo(REFUSED).map(() => undefined));
    return verdictOf([{ status: 'hang', text: `${left} of ${REFUSED} connections are open still` }]);
  },
};

/** Sends more behind the command in a segment of its own, reads the refusal, and leaves in good order. */
async function beRefused(target: Target): Promise<void> {
  const { command, injected } = target.dialect;
  const client = await atCommand(target);
  client.say(command + injected);
  await delay(1);
  client.say(injected.repeat(100));
  await client.hears(() => false);
  client.socket.end();
  if (!client.closed) await new Promise(resolve => client.socket.once('close', resolve));
}

/** Waits until what earlier checks have left behind is gone. */
async function settled(target: Target): Promise<void> {
  let before = Number.POSITIVE_INFINITY;
  for (let count = await target.descriptors(); count < before; count = await target.descriptors()) {
    before = count;
    await pause(LOOK_EVERY);
  }
}

async function descriptorsDownTo(wanted: number, target: Target): Promise<number> {
  const until = performance.now() + SOON;
  let count = await target.descriptors();
  while (count > wanted && performance.now() < until) {
    await pause(LOOK_EVERY);
    count = await target.descriptors();
  }
  return count;
}
