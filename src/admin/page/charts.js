import { byId, element } from './element.js';
import { milliseconds, rate } from './format.js';

/** @typedef {import('../history.ts').Sample} Sample */
/** @typedef {import('uplot')} Chart */

/**
 * @typedef {object} Line
 * @property {string} name
 * @property {string} tone the variable of the style that has its colour
 * @property {(sample: Sample) => number | null} value
 */

/** How much of the past is shown, in seconds. */
export const SPAN = 300;

/** @type {readonly { id: string, lines: readonly Line[], show: (value: number | null | undefined) => string, least: number }[]} */
const kinds = [
  {
    id: 'chart-rate',
    lines: [
      { name: 'secured', tone: '--secure', value: ({ handshakes, seconds }) => handshakes / seconds },
      { name: 'failed', tone: '--error', value: ({ failures, seconds }) => failures / seconds },
    ],
    show: value => (value === null || value === undefined ? '–' : rate(value)),
    least: 5,
  },
  {
    id: 'chart-time',
    lines: [
      { name: 'median', tone: '--secure', value: ({ handshakeMedian }) => handshakeMedian },
      { name: '95 %', tone: '--info', value: ({ handshakeSlow }) => handshakeSlow },
    ],
    show: value => milliseconds(value).join(' '),
    least: 10,
  },
  {
    id: 'chart-delay',
    lines: [{ name: 'longest', tone: '--info', value: ({ loopDelay }) => loopDelay }],
    show: value => milliseconds(value).join(' '),
    least: 10,
  },
];

/** Draws the charts; the function that it returns shows samples in them. */
export function drawCharts() {
  // A script of its own, not a module.
  const { uPlot } = /** @type {{ uPlot: typeof import('uplot') }} */ (/** @type {unknown} */ (globalThis));
  /** @type {readonly Sample[]} */
  let samples = [];
  const charts = kinds.map(kind => {
    const figure = byId(kind.id);
    const plot = /** @type {HTMLElement} */ (figure.querySelector('.plot'));
    const legend = /** @type {HTMLElement} */ (figure.querySelector('.legend'));
    const values = kind.lines.map(({ name, tone }) => {
      const value = element('b');
      const entry = element('span', '', [`${name} `, value]);
      entry.style.setProperty('--tone', `var(${tone})`);
      legend.append(entry);
      return value;
    });
    /** @type {Chart | undefined} */
    let chart;
    const data = () => [samples.map(({ at }) => at), ...kind.lines.map(({ value }) => samples.map(value))];
    const showValues = () => {
      const at = chart?.cursor.idx ?? samples.length - 1;
      const sample = samples[at];
      for (const [index, value] of values.entries()) {
        value.textContent = kind.show(sample === undefined ? null : kind.lines[index]?.value(sample));
      }
    };
    const draw = () => {
      chart?.destroy();
      const options = optionsOf(kind, plot, showValues);
      chart = new uPlot(options, /** @type {import('uplot').AlignedData} */ (data()), plot);
    };
    draw();
    new ResizeObserver(() => chart?.setSize({ width: plot.clientWidth, height: plot.clientHeight })).observe(
      plot,
    );
    // Its colours are drawn, and do not follow the style.
    matchMedia('(prefers-color-scheme: dark)').addEventListener('change', draw);
    return () => {
      chart?.setData(/** @type {import('uplot').AlignedData} */ (data()));
      showValues();
      plot.setAttribute('aria-label', `The last five minutes; now ${legend.textContent}`);
    };
  });
  return (/** @type {readonly Sample[]} */ those) => {
    samples = those;
    for (const update of charts) update();
  };
}

/**
 * @param {(typeof kinds)[number]} kind
 * @param {HTMLElement} plot
 * @param {() => void} showValues
 * @returns {import('uplot').Options}
 */
function optionsOf(kind, plot, showValues) {
  const color = (/** @type {string} */ name) =>
    getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  const font = '11px system-ui, sans-serif';
  const axis = { stroke: color('--quiet'), font, ticks: { show: false } };
  return {
    width: plot.clientWidth,
    height: plot.clientHeight,
    padding: [8, 8, 0, 0],
    legend: { show: false },
    cursor: { y: false, sync: { key: 'sallyport' }, points: { size: 6 }, drag: { x: false, y: false } },
    hooks: { setCursor: [showValues] },
    scales: {
      x: { range: (_chart, _low, high) => [high - SPAN, high] },
      y: { range: (_chart, _low, high) => [0, Math.max(kind.least, high * 1.1)] },
    },
    axes: [
      { ...axis, grid: { show: false }, size: 24, gap: 2, space: 50, values: '{HH}:{mm}' },
      {
        ...axis,
        grid: { stroke: color('--rule'), width: 1 },
        size: 46,
        space: 34,
        values: (_chart, splits) => splits.map(split => kind.show(split)),
      },
    ],
    series: [
      {},
      ...kind.lines.map(({ name, tone }, index) => ({
        label: name,
        stroke: color(tone),
        width: 1.75,
        ...(index === 0 ? { fill: `${color(tone)}1f` } : {}),
        points: { show: kind.id === 'chart-time', size: 3, fill: color(tone) },
      })),
    ],
  };
}
