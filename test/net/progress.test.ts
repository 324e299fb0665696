import { once } from 'node:events';
import { expect } from 'chai';
import { protocols } from '../../protocol/index.ts';
import { smtp } from '../../protocol/smtp.ts';
import { type Milestone, Progress } from '../../src/net/progress.ts';
import type { ServerOptions } from '../../src/options.ts';
import { type Serving, serving, stopServing } from '../support/serving.ts';
import { atGoAhead, greeted, underTls } from '../support/speak.ts';
import type { WireClient } from '../support/wire-client.ts';

const UP_TO_TLS = ['connected', 'greeted', 'asked', 'clientHello', 'secured'];

describe('src/net/progress', () => {
  afterEach(stopServing);

  for (const protocol of protocols) {
    it(`follows a client of ${protocol.name} through an upgrade to the application`, async () => {
      const { connect, milestones, over } = await followed({ protocol }, async () => undefined);
      await leave(await underTls(await connect(), protocol));
      const [end] = await over(1);
      // Who says nothing in plaintext but the go-ahead has not greeted.
      const told = milestones.map(([milestone]) => milestone);
      expect(told).to.deep.equal([...UP_TO_TLS, 'handedOver']);
      for (const [milestone, elapsed] of milestones) {
        if (milestone !== 'greeted') expect(elapsed, milestone).to.be.within(0, 10_000);
      }
      expect(end?.reached).to.equal('handedOver');
    });
  }

  it('passes over what does not come where TLS is first', async () => {
    const { connect, milestones, come, over } = await followed({ tls: 'implicit' });
    const client = await connect();
    await client.startTls();
    await come('secured');
    client.destroy();
    await over(1);
    expect(milestones.map(([milestone]) => milestone)).to.deep.equal(UP_TO_TLS);
    expect(milestones.map(([, elapsed]) => elapsed !== undefined)).to.deep.equal([
      true,
      false,
      false,
      true,
      true,
    ]);
  });

  it('ends at the ClientHello of a client that leaves in the handshake', async () => {
    const { connect, over } = await followed();
    (await atGoAhead(await connect(), smtp)).say('\x16\x03\x01').socket.end();
    expect((await over(1))[0]).to.include({ reached: 'clientHello', dropped: 0 });
  });

  it('ends before it where the client leaves without, or sends something else', async () => {
    const { connect, over } = await followed();
    (await atGoAhead(await connect(), smtp)).destroy();
    (await atGoAhead(await connect(), smtp)).say('EHLO once more\r\n');
    const ends = await over(2);
    expect(ends.map(({ reached }) => reached)).to.deep.equal(['asked', 'asked']);
    expect(ends.map(({ error }) => error?.code)).to.have.members([
      'ERR_HANDSHAKE_PEER_GONE',
      'ERR_HANDSHAKE_NOT_TLS',
    ]);
  });

  it('ends at the greeting where plaintext behind the upgrade command is refused, and counts that', async () => {
    const { connect, over } = await followed();
    await leave((await greeted(await connect(), smtp)).say('EHLO a\r\nSTARTTLS\r\nNOOP\r\n'));
    const [end] = await over(1);
    expect(end?.error?.code).to.equal('ERR_PLAINTEXT_AFTER_UPGRADE');
    expect(end).to.include({ reached: 'greeted', dropped: 6 });
  });

  it('counts the plaintext that is discarded', async () => {
    const { connect, come, over } = await followed({ plaintextAfterUpgrade: 'discard' });
    const client = await greeted(await connect(), smtp);
    client.say('EHLO a\r\nSTARTTLS\r\nRSET\r\nNOOP\r\n');
    await client.until('220 2.0.0 Ready to start TLS\r\n');
    await client.startTls();
    await come('secured');
    client.destroy();
    expect((await over(1))[0]).to.include({ reached: 'secured', dropped: 12 });
  });

  it('is out of the order where the stream is handed over in plaintext', async () => {
    const { connect, milestones, over } = await followed({ tls: 'optional' }, async () => undefined);
    await leave((await greeted(await connect(), smtp)).say('EHLO a\r\nMAIL FROM:<>\r\n'));
    expect((await over(1))[0]).to.include({ reached: 'plaintext', error: undefined });
    expect(milestones.map(([milestone]) => milestone)).to.deep.equal(['connected', 'greeted', 'plaintext']);
  });

  it('does not begin for who is turned away', async () => {
    const { connect, milestones, over } = await followed({ maxConnections: 1 });
    await greeted(await connect(), smtp);
    milestones.length = 0;
    await leave(await connect());
    expect((await over(1))[0]).to.include({ reached: 'connected' });
    expect(milestones.map(([milestone]) => milestone)).to.deep.equal(['connected']);
  });

  it('goes no way back', () => {
    const told: Milestone[] = [];
    const progress = new Progress(milestone => told.push(milestone));
    progress.reach('asked');
    progress.reach('greeted');
    progress.reach('asked');
    expect(told).to.deep.equal(['connected', 'greeted', 'asked']);
    expect(progress.reached).to.equal('asked');
  });
});

/** Waits until the server has said its last, and closes as well. */
async function leave(client: WireClient): Promise<void> {
  await client.end();
  client.destroy();
}

type Told = readonly [milestone: Milestone, elapsed: number | undefined];

/** A server, and all the milestones that it tells of. */
async function followed(
  { protocol = smtp, ...options }: Partial<ServerOptions> = {},
  application?: Parameters<typeof serving>[2],
): Promise<Serving & { readonly milestones: Told[]; come(milestone: Milestone): Promise<void> }> {
  const started = await serving(protocol, options, application);
  const milestones: Told[] = [];
  started.server.on('milestone', (_session, milestone, elapsed) => milestones.push([milestone, elapsed]));
  const come = async (milestone: Milestone) => {
    while (!milestones.some(([told]) => told === milestone)) await once(started.server, 'milestone');
  };
  return { ...started, milestones, come };
}
