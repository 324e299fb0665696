import { expect } from 'chai';
import { smtp } from '../../protocol/smtp.ts';
import { issueCertificate } from '../../src/net/certificate-issuer.ts';
import type { Certificate } from '../../src/options.ts';
import { LONG } from '../support/scale.ts';
import { serving, stopServing } from '../support/serving.ts';
import { inParallel, underTls } from '../support/speak.ts';

const HANDSHAKES = LONG ? 1500 : 150;
const ROTATIONS = LONG ? 300 : 30;
const OLD_SESSIONS = 20;

describe('src/server: certificates that are replaced', () => {
  afterEach(stopServing);

  it(`cost no handshake and no session: ${ROTATIONS} times among ${HANDSHAKES}`, async function () {
    this.timeout(LONG ? 300_000 : 30_000);
    const certificates = await Promise.all([1, 2, 3].map(numbered));
    const { server, connect } = await serving(smtp, { maxPerAddress: 0 });
    const old = await Promise.all(
      Array.from({ length: OLD_SESSIONS }, async () => underTls(await connect(), smtp)),
    );
    let rotations = 0;
    await inParallel(HANDSHAKES, 8, async index => {
      const certificate = certificates[rotations % certificates.length];
      if (index % (HANDSHAKES / ROTATIONS) === 0 && certificate !== undefined) {
        server.replaceTls({ certificate });
        rotations += 1;
      }
      const client = await underTls(await connect(), smtp);
      await client.say('NOOP\r\n').until('250');
      client.destroy();
    });
    expect(rotations).to.equal(ROTATIONS);
    for (const client of old) await client.say('NOOP\r\n').until('250');
  });
});

function numbered(number: number): Promise<Certificate> {
  return issueCertificate({ commonName: `number ${number}`, days: 2, names: ['localhost'] });
}
