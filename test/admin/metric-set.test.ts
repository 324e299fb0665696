import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { describedMetrics, metricsReference } from '../support/metrics-reference.ts';
import { ROOT } from '../support/root.ts';

describe('src/admin/metric-set', () => {
  it('is what docs/reference/metrics.md says', () => {
    const file = join(ROOT, 'docs/reference/metrics.md');
    if (process.env['SALLYPORT_GOLDEN'] === '1') writeFileSync(file, metricsReference());
    expect(readFileSync(file, 'utf8')).to.equal(metricsReference());
  });

  it('names units as Prometheus wants them, and says of each metric what it is', () => {
    for (const { name, help, type } of describedMetrics()) {
      expect(name).to.match(/^sallyport_[a-z_]+$/);
      expect(name.endsWith('_total'), name).to.equal(type === 'counter');
      expect(name).to.not.match(/milliseconds|_ms\b|_count$|_sum$|_bucket$/);
      expect(help, name).to.match(/^[A-Z].{10,}\.$|; always 1\.$/);
    }
  });
});
