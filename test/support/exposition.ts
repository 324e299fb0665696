/** A sample of the text format: the name, its labels and its value. */
export interface Sample {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

/** One metric with all its samples. */
export interface Family {
  readonly name: string;
  readonly help: string;
  readonly type: string;
  readonly samples: readonly Sample[];
}

const SAMPLE = /^([a-zA-Z_:][\w:]*)(?:\{(.*)\})? (\S+)$/;
const LABEL = /([a-zA-Z_]\w*)="((?:[^"\\\n]|\\[\\"n])*)"(,|$)/gy;
const NUMBER = /^[+-]?(\d+(\.\d+)?(e[+-]?\d+)?|Inf)$|^NaN$/i;

/**
 * Reads the text format of Prometheus, version 0.0.4, as strictly as its specification and `promtool check metrics`:
 * one block a metric, HELP and TYPE before it, no series twice, counters that end in `_total`, histograms that add up.
 */
export function readExposition(text: string): ReadonlyMap<string, Family> {
  if (!text.endsWith('\n')) throw new Error('the last line has no end');
  const families = new Map<string, Family>();
  const blocks = text.trimEnd().split(/\n+(?=# HELP )/);
  for (const block of blocks) {
    const family = readFamily(block.split('\n').filter(line => line !== ''));
    if (families.has(family.name)) throw new Error(`${family.name} comes twice`);
    families.set(family.name, family);
  }
  return families;
}

/** The values of all series that have these labels, added up; 0 where there is none. */
export function sumOf(
  families: ReadonlyMap<string, Family>,
  name: string,
  labels: Readonly<Record<string, string>> = {},
): number {
  const samples = families.get(name)?.samples ?? [];
  const fitting = samples.filter(sample =>
    Object.entries(labels).every(([label, value]) => sample.labels[label] === value),
  );
  return fitting.reduce((sum, { value }) => sum + value, 0);
}

function readFamily([help = '', type = '', ...lines]: readonly string[]): Family {
  const [, name = '', words = ''] = /^# HELP ([a-zA-Z_:][\w:]*) (.+)$/.exec(help) ?? [];
  const [, named, kind = ''] = /^# TYPE (\S+) (counter|gauge|histogram|summary|untyped)$/.exec(type) ?? [];
  if (name === '' || named !== name) throw new Error(`not a metric: ${help} / ${type}`);
  const samples = lines.map(readSample);
  const family = { name, help: words, type: kind, samples };
  checkFamily(family);
  return family;
}

function readSample(line: string): Sample {
  const [, name = '', labels = '', value = ''] = SAMPLE.exec(line) ?? [];
  if (name === '' || !NUMBER.test(value)) throw new Error(`not a sample: ${line}`);
  const found: Record<string, string> = {};
  let end = 0;
  for (const match of labels.matchAll(LABEL)) {
    const [all, label = '', text = ''] = match;
    if (label in found) throw new Error(`${label} comes twice: ${line}`);
    found[label] = text;
    end = match.index + all.length;
  }
  if (end !== labels.length) throw new Error(`not labels: ${line}`);
  return { name, labels: found, value: Number(value.replace(/Inf$/i, 'Infinity')) };
}

function checkFamily({ name, type, samples }: Family): void {
  const suffixes = type === 'histogram' ? '(_bucket|_sum|_count)' : '';
  const series = samples.map(
    sample => `${sample.name}${JSON.stringify(Object.entries(sample.labels).sort())}`,
  );
  if (new Set(series).size < series.length) throw new Error(`${name} has a series twice`);
  for (const sample of samples) {
    if (!new RegExp(`^${name}${suffixes}$`).test(sample.name))
      throw new Error(`${sample.name} below ${name}`);
  }
  if ((type === 'counter') !== name.endsWith('_total')) {
    // What Node's own metrics are called is not ours to say.
    if (name.startsWith('sallyport_')) throw new Error(`${name} is a ${type}`);
  }
  if (type === 'counter' && samples.some(({ value }) => value < 0)) throw new Error(`${name} is below 0`);
  if (type === 'histogram') checkHistogram(name, samples);
}

/** Buckets grow, and the last one holds all. */
function checkHistogram(name: string, samples: readonly Sample[]): void {
  const before = new Map<string, number>();
  for (const { name: part, labels, value } of samples) {
    const { le, ...own } = labels;
    const key = JSON.stringify(own);
    if (part.endsWith('_bucket') && le === undefined) throw new Error(`${part} has no le`);
    if (part.endsWith('_bucket') && value < (before.get(key) ?? 0))
      throw new Error(`${part} shrinks at ${le}`);
    if (part.endsWith('_bucket')) before.set(key, value);
    if (part.endsWith('_count') && value !== before.get(key)) throw new Error(`${name} does not add up`);
  }
}
