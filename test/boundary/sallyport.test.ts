import { expect } from 'chai';
import { protocols } from '../../protocol/index.ts';
import { formOf } from '../support/form.ts';
import { type Check, LONG, runCheck, type Verdict } from './checks/check.ts';
import { checks } from './checks/index.ts';
import { boundaryMatrix, cleanUpgrade } from './checks/injections.ts';
import { type Target, TargetProcess } from './target.ts';

/** The three dialects on which each check is made in full. */
const DIALECTS = ['smtp', 'imap', 'pop3'];

/** Of the 64 cases of the matrix, how many must be refused with an explicit error reply. */
const REFUSED = 40;

describe('the upgrade boundary of Sallyport, over real sockets', function () {
  this.timeout(LONG ? 600_000 : 30_000);
  let process: TargetProcess;

  before(() => {
    process = new TargetProcess();
  });

  after(() => process.stop());

  for (const name of DIALECTS) {
    describe(name, () => {
      let target: Target;

      before(async () => {
        target = await process.serve({ kind: 'sallyport', protocol: name, application: false });
      });

      for (const check of checks) {
        it(`${check.id} (${check.fault}): ${check.title}`, async function () {
          const verdict = await sound(check, target, this.test);
          if (verdict.status === 'not applicable') this.skip();
        });
      }

      it('boundary matrix, where plaintext behind the command is to be discarded', async function () {
        const lenient = await target.another({ plaintextAfterUpgrade: 'discard' });
        await sound(boundaryMatrix, lenient, this.test);
      });
    });
  }

  for (const protocol of protocols) {
    const { name } = protocol;
    const form = formOf(protocol);
    for (const application of [true, false]) {
      it(`${name}, ${application ? 'with' : 'without'} an application: ${boundaryMatrix.title}`, async function () {
        if (form.units === 'elements' && this.test !== undefined) {
          this.test.title += ' [not yet: its replies hold fresh ids, which the dialect does not mask]';
          this.skip();
        }
        const target = await process.serve({ kind: 'sallyport', protocol: name, application });
        await sound(cleanUpgrade, target);
        const { refused } = await sound(boundaryMatrix, target, this.test);
        // A protocol without last words closes in silence, and where TLS may come early there is none to refuse.
        if (target.dialect.refusal !== '' && !form.early) expect(refused).to.be.at.least(REFUSED);
      });
    }
  }
});

/** Holds a verdict to be sound; says behind the test's title why there is none, or in a long run, what was found. */
async function sound(check: Check, target: Target, test?: { title: string }): Promise<Verdict> {
  const verdict = await runCheck(check, target);
  const { status, evidence } = verdict;
  if (test !== undefined && (LONG || status === 'not applicable')) test.title += ` [${evidence}]`;
  expect(status, evidence).to.be.oneOf(['sound', 'not applicable']);
  return verdict;
}
