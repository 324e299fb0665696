import { expect } from 'chai';
import { line } from '../../protocol/index.ts';
import { atOnce, upTo } from '../boundary/at-once.ts';
import { LONG } from '../support/scale.ts';
import { serving, stopServing } from '../support/serving.ts';
import { clientHellos, shakeBadly } from './handshake.ts';
import { randomOf } from './random.ts';

const COUNT = LONG ? 50_000 : 500;
const SEED = Number(process.env['SALLYPORT_FUZZ_SEED'] ?? 1);
const AT_ONCE = 64;
const HANDSHAKE_TIMEOUT = 300;

/** A handshake that failed, and nothing else: whatever was sent, it was for TLS. */
const EXPECTED = /^(ERR_HANDSHAKE_\w+|ERR_CONNECTION|ERR_CERTIFICATE_REFUSED|ERR_IDLE_TIMEOUT|none)$/;

describe('fuzz: the handshake', () => {
  afterEach(stopServing);

  const greeting = 'OK mail.example.org Sallyport ready\r\n';
  const ways = {
    'TLS from the first byte': { tls: 'implicit', before: '', answer: 0 },
    'an upgrade': { tls: 'required', before: 'STARTTLS\r\n', answer: greeting.length + 'OK'.length },
  } as const;

  for (const [title, { tls, before, answer }] of Object.entries(ways)) {
    it(`${COUNT} spoilt ClientHellos are no more than failures: ${title}`, async () => {
      const { server, port, ends, over, connect } = await serving(line, {
        tls,
        handshakeTimeout: HANDSHAKE_TIMEOUT,
        idleTimeout: HANDSHAKE_TIMEOUT,
        maxPerAddress: 0,
      });
      const hellos = await clientHellos();
      const random = randomOf(SEED);
      await atOnce(AT_ONCE, upTo(COUNT), () => shakeBadly({ port, before, answer }, hellos, random));
      await over(COUNT);
      expect(server.connections).to.equal(0);
      const codes = new Set(ends.map(({ error }) => error?.code ?? 'none'));
      for (const code of codes) expect(code).to.match(EXPECTED);
      expect(codes).to.include('ERR_HANDSHAKE_FAILED');

      const client = await connect();
      if (tls === 'required') await client.until('ready\r\n').then(() => client.say(before).until('OK'));
      await client.startTls();
      await client.say('QUIT\r\n').until('OK');
    }).timeout(LONG ? 600_000 : 20_000);
  }
});
