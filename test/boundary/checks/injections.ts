import { atOnce, upTo } from '../at-once.ts';
import { attempt, findingOf, type Outcome } from '../attempt.ts';
import { behindReplies, earlyHellos, flood, type Injection, matrix } from '../injection.ts';
import { drawInjections } from '../random-injection.ts';
import type { Target } from '../target.ts';
import { attackUntilEnough, type Check, LONG, type Verdict, verdictOf } from './check.ts';

/** How many attacks are under way at once. */
const AT_ONCE = 16;

const GENERATED = LONG ? 10_000 : 1000;
const RACES = LONG ? 1000 : 100;
const CLEAN = 5;

/** After so many injections with effect there is no doubt; the matrix is always made in full. */
const ENOUGH = 64;

export const cleanUpgrade: Check = {
  id: 'clean upgrade',
  title: 'an upgrade without any attack succeeds (else the other verdicts would mean nothing)',
  fault: 'control',
  async run(target) {
    const clean: Injection = { title: 'nothing injected', content: () => [] };
    const outcomes = await atOnce(AT_ONCE, upTo(CLEAN), () => attempt(target, clean));
    return verdictOf(
      outcomes.map(({ kind, evidence }) =>
        kind === 'passed' ? undefined : { status: 'vulnerable', text: `${kind}: ${evidence}` },
      ),
    );
  },
};

export const boundaryMatrix: Check = {
  id: 'boundary matrix',
  title: 'what is sent around the upgrade command in plaintext has no effect, however it is cut and timed',
  fault: 'A1 A2 A5 A6 A11',
  run: target => attack(target, matrix()),
};

export const generatedInjections: Check = {
  id: 'generated injections',
  title: 'any bytes behind the upgrade command, cut and timed at random, have no effect',
  fault: 'A1 A2 A5',
  run: target => attack(target, drawInjections(GENERATED, target.dialect), 2 * AT_ONCE),
};

export const race: Check = {
  id: 'race',
  title: 'much plaintext behind the command has no effect when the ClientHello follows at once',
  fault: 'A3',
  run: target =>
    attack(
      target,
      upTo(RACES).map(index => flood(index % 2 === 0 ? 12_000 : 60_000)),
    ),
};

export const earlyClientHello: Check = {
  id: 'early ClientHello',
  title: 'a ClientHello that does not wait for the go-ahead neither ends the process nor hangs',
  fault: 'A6',
  run: target => attack(target, earlyHellos()),
};

export const unreadReplies: Check = {
  id: 'unread replies',
  title: 'what lies behind the command in the buffer of a paused socket is refused with a reply',
  fault: 'A5',
  async run(target) {
    const injections = behindReplies();
    const verdict = await attack(target, injections, 1);
    if (verdict.status !== 'sound' || verdict.refused === injections.length) return verdict;
    return { ...verdict, status: 'vulnerable' };
  },
};

async function attack(target: Target, injections: readonly Injection[], limit = AT_ONCE): Promise<Verdict> {
  const limits = { atOnce: limit, enough: ENOUGH };
  const attacks = await attackUntilEnough(limits, injections, async injection => {
    const outcome = await attempt(target, injection);
    return { finding: findingOf(injection, outcome), told: outcome };
  });
  const verdict = verdictOf(attacks.map(({ finding }) => finding));
  const outcomes = attacks.flatMap(({ told }) => told ?? []);
  const evidence = verdict.status === 'sound' ? tally(outcomes) : verdict.evidence;
  return { ...verdict, evidence, refused: outcomes.filter(({ kind }) => kind === 'refused').length };
}

function tally(outcomes: readonly Outcome[]): string {
  const count = (kind: Outcome['kind']) => outcomes.filter(outcome => outcome.kind === kind).length;
  const [refused, closed, passed] = [count('refused'), count('closed'), count('passed')];
  return `${refused} refused, ${closed} closed, ${passed} upgraded as if nothing had been sent`;
}
