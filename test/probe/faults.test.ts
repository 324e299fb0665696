import { expect } from 'chai';
import { type CheckId, checkIds } from '../../src/probe/check-table.ts';
import type { ProbeResult } from '../../src/probe/probe-result.ts';
import { probe } from '../../src/probe.ts';
import { atOnce } from '../boundary/at-once.ts';
import { type Fault, faults, lateServer, regretfulServer, soundServer } from '../support/faulty/faults.ts';
import { stopServing } from '../support/serving.ts';

/** A server that hangs has one wait for its deadline after the other. */
const UNUSUAL: { readonly [id in CheckId]?: { intrusive?: boolean; timeout?: number } } = {
  'stalled-handshake': { intrusive: true },
  'reset-harms-others': { timeout: 700 },
};

/** How many servers are probed at once: a probe mostly waits for what should not come. */
const AT_ONCE = 10;

async function probed(fault: Fault, { intrusive = false, timeout = 1500 } = {}): Promise<ProbeResult> {
  const { protocol, port, ca, close } = await fault();
  try {
    const address = { host: '127.0.0.1', port };
    const options = { ca, servername: 'localhost', timeout, intrusive, stallLimit: 1500 };
    return await probe({ protocol, implicit: false, address }, options);
  } finally {
    close();
  }
}

function told({ findings, error }: ProbeResult): string[] {
  return [...findings.map(({ check }) => check), ...(error === undefined ? [] : [error.message])];
}

describe('faults', () => {
  const results = new Map<CheckId, ProbeResult>();

  before(async () => {
    // The one that takes longest is begun first.
    await atOnce(AT_ONCE, checkIds.toReversed(), async id => {
      results.set(id, await probed(faults[id], UNUSUAL[id]));
    });
  }).timeout(60_000);
  after(stopServing);

  it('a sound server has none, not even where the service may be disturbed', async () => {
    const result = await probed(soundServer, { intrusive: true });
    expect(told(result)).to.deep.equal([]);
    expect(result.verdict).to.equal('sound');
  });

  it('a server that refuses an injection only under TLS, and closes, has none', async () => {
    expect(told(await probed(lateServer))).to.deep.equal([]);
  });

  it('a server that says in plaintext that the handshake has failed, and closes, has none', async () => {
    expect(told(await probed(regretfulServer))).to.deep.equal([]);
  });

  for (const id of checkIds) {
    it(`${id} is found, and nothing else is`, () => {
      const result = results.get(id);
      if (result === undefined) throw new Error('not probed');
      expect(told(result)).to.deep.equal([id]);
      expect(result.findings[0]?.evidence).to.not.deep.equal([]);
      expect(result.verdict).to.equal('findings');
    });
  }
});
