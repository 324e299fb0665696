import { expect } from 'chai';
import { dashboard, expressions, namesIn } from '../support/dashboard.ts';
import { code, document, table } from '../support/document.ts';
import { readExposition } from '../support/exposition.ts';
import { describedMetrics } from '../support/metrics-reference.ts';
import { ask, stopTelling, telling } from '../support/telling.ts';

/** What Prometheus adds by itself. */
const ADDED = ['job', 'instance', 'le'];

describe('docs/deploy/grafana.json', () => {
  afterEach(stopTelling);

  it('asks only for metrics that there are, by labels that they have', async () => {
    const admin = await telling();
    const known = new Map(describedMetrics().map(({ name, labelNames }) => [name, labelNames]));
    for (const name of readExposition((await ask(admin, '/metrics')).text).keys()) {
      if (!known.has(name)) known.set(name, []);
    }
    for (const expr of [...expressions(), ...queriesOfVariables(), ...guideRules()]) {
      const { metrics, labels } = namesIn(expr);
      expect(metrics.length, expr).to.be.greaterThan(0);
      const have = metrics.map(name => known.get(name) ?? known.get(name.replace(/_bucket$/, '')));
      for (const [index, own] of have.entries()) {
        expect(own, `${metrics[index]} in ${expr}`).to.not.equal(undefined);
      }
      expect([...have.flatMap(own => own ?? []), ...ADDED], expr).to.include.members(labels);
    }
  });

  it('shows the whole funnel, refusals, quantiles, certificates and the event loop', () => {
    const shown = new Set(expressions().flatMap(expr => namesIn(expr).metrics));
    const funnel = table(document('docs/guide/metrics.md'), 'Milestone', 'Metric').map(([, name]) =>
      code(name),
    );
    expect(funnel.length).to.equal(6);
    expect([...shown]).to.include.members([
      ...funnel,
      'sallyport_failures_total',
      'sallyport_handshake_duration_seconds_bucket',
      'sallyport_certificate_days_left',
      'sallyport_event_loop_delay_seconds_bucket',
    ]);
  });

  it('has panels that do not cover each other, each with its own number and a word on what it shows', () => {
    const { panels } = dashboard();
    expect(new Set(panels.map(({ id }) => id)).size).to.equal(panels.length);
    const cells = panels.flatMap(({ gridPos: { x, y, w, h } }) => {
      expect(x + w).to.be.at.most(24);
      return Array.from({ length: w * h }, (_, index) => `${x + (index % w)},${y + Math.floor(index / w)}`);
    });
    expect(new Set(cells).size).to.equal(cells.length);
    for (const { type, description = '', title } of panels) {
      if (type !== 'row') expect(description, title).to.match(/\.$/);
    }
  });
});

function queriesOfVariables(): readonly string[] {
  return dashboard().templating.list.flatMap(({ definition }) => definition ?? []);
}

/** The rules that the guide suggests. */
function guideRules(): readonly string[] {
  const [, rules] = document('docs/guide/metrics.md').blocks.filter(({ language }) => language === 'yaml');
  const found = [...(rules?.text ?? '').matchAll(/expr: (?:>\n)?([\s\S]*?)\n(?= +(?:for|- alert)|$)/g)];
  expect(found.length).to.equal(4);
  return found.map(([, expr = '']) => expr);
}
