import { expect } from 'chai';
import { type Check, LONG, runCheck, type Verdict } from './checks/check.ts';
import { clientCertificate, reloadKeepsOptions, stalledHandshake } from './checks/handshakes.ts';
import { checks } from './checks/index.ts';
import { boundaryMatrix, earlyClientHello, race } from './checks/injections.ts';
import { refusedConnections } from './checks/refused-leak.ts';
import { nestedUpgrade, plaintextInSession, stateForgotten } from './checks/sessions.ts';
import { type Target, TargetProcess } from './target.ts';
import { FAULTS, type Fault } from './wrong-server.ts';

/** The check that is made for each mistake. Others may notice it, too. */
const CATCHERS: Readonly<Record<Fault, Check>> = {
  keep: boundaryMatrix,
  'keep-partial': boundaryMatrix,
  race,
  'drop-listener-late': boundaryMatrix,
  'no-pause': boundaryMatrix,
  'no-deadline': stalledHandshake,
  'no-destroy-on-tlsClientError': stalledHandshake,
  'no-destroy-on-error': plaintextInSession,
  setEncoding: earlyClientHello,
  'bare-TLSSocket mTLS': clientCertificate,
  'reload-drops-options': reloadKeepsOptions,
  'state-kept': stateForgotten,
  'nested-upgrade': nestedUpgrade,
  'no-resume-on-refuse': refusedConnections,
};

describe('the checks of the upgrade boundary', function () {
  this.timeout(LONG ? 600_000 : 30_000);

  describe('find nothing in a server that is right', () => {
    let process: TargetProcess;
    let target: Target;

    before(async () => {
      process = new TargetProcess();
      target = await process.serve({ kind: 'small', fault: undefined });
    });

    after(() => process.stop());

    for (const check of checks) {
      it(`${check.id} (${check.fault})`, async () => {
        const verdict = await runCheck(check, target);
        expect(verdict.status, verdict.evidence).to.equal('sound');
      });
    }
  });

  describe('notice a server that is wrong', () => {
    let process: TargetProcess;

    before(() => {
      process = new TargetProcess();
    });

    after(() => process.stop());

    for (const fault of FAULTS) {
      const catcher = CATCHERS[fault];
      it(`${fault}: caught by ${catcher.id}`, async function () {
        const own = mayAbort(fault) ? new TargetProcess() : process;
        const target = await own.serve({ kind: 'small', fault });
        const verdict = await untilNoticed(catcher, target);
        if (own !== process) await own.stop();
        if (LONG && this.test !== undefined) this.test.title += ` [${verdict.evidence}]`;
        expect(verdict.status).to.be.oneOf(['vulnerable', 'hang']);
      });
    }
  });

  if (LONG) describe('notice, all of them on all mistakes', () => crossTable());
});

/** How often a check is made before a mistake counts as not noticed. */
const TRIES = 8;

/** Most of the mistakes show only when bytes come in a certain moment, which a busy machine may miss. */
async function untilNoticed(check: Check, target: Target): Promise<Verdict> {
  let verdict = await runCheck(check, target);
  for (let made = 1; made < TRIES && verdict.status === 'sound'; made += 1) {
    verdict = await runCheck(check, target);
  }
  return verdict;
}

/** Its process ends with it. */
function mayAbort(fault: Fault): boolean {
  return fault === 'setEncoding';
}

/** Every check on every mistake: which ones notice it. */
function crossTable(): void {
  for (const fault of FAULTS) {
    it(fault, async function () {
      const noticed: string[] = [];
      for (const check of checks) {
        const process = new TargetProcess();
        const verdict = await runCheck(check, await process.serve({ kind: 'small', fault }));
        await process.stop();
        if (verdict.status !== 'sound') noticed.push(check.id);
      }
      if (this.test !== undefined) this.test.title += `: ${noticed.join(', ')}`;
      expect(noticed).to.include(CATCHERS[fault].id);
    });
  }
}
