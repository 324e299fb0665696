const numbers = new Intl.NumberFormat('en');
const dates = new Intl.DateTimeFormat('en', { day: 'numeric', month: 'short', year: 'numeric' });
const times = new Intl.DateTimeFormat('en-GB', { hour: '2-digit', minute: '2-digit', second: '2-digit' });

/** @param {number} value */
export function count(value) {
  return numbers.format(Math.round(value));
}

/**
 * A count a second: with a decimal where it is small.
 * @param {number} value
 */
export function rate(value) {
  return value > 0 && value < 10 ? value.toFixed(1) : count(value);
}

/**
 * A part of a whole in per cent; a dash where there is no whole.
 * @param {number} part
 * @param {number} whole
 */
export function percent(part, whole) {
  if (whole === 0) return '–';
  const share = (100 * part) / whole;
  // Neither all nor nothing where it is not.
  if (share > 99.9 && share < 100) return '>99.9 %';
  if (share > 0 && share < 0.1) return '<0.1 %';
  return `${share < 10 || share > 90 ? Number(share.toFixed(1)) : Math.round(share)} %`;
}

/**
 * Milliseconds, with their unit.
 * @param {number | null | undefined} value
 * @returns {readonly [value: string, unit: string]}
 */
export function milliseconds(value) {
  if (value === null || value === undefined) return ['–', ''];
  if (value >= 1000) return [(value / 1000).toFixed(value < 10_000 ? 1 : 0), 's'];
  return [value > 0 && value < 10 ? value.toFixed(1) : String(Math.round(value)), 'ms'];
}

/** @param {number} value */
export function bytes(value) {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB'];
  const power = value < 1024 ? 0 : Math.min(units.length - 1, Math.floor(Math.log2(value) / 10));
  const scaled = value / 1024 ** power;
  return `${power > 0 && scaled < 100 ? scaled.toFixed(1) : count(scaled)} ${units[power]}`;
}

/** @param {number} seconds */
export function duration(seconds) {
  const [days, hours, minutes] = [
    Math.floor(seconds / 86_400),
    Math.floor(seconds / 3600) % 24,
    Math.floor(seconds / 60) % 60,
  ];
  if (days > 0) return `${days} d ${hours} h`;
  if (hours > 0) return `${hours} h ${minutes} min`;
  return minutes > 0 ? `${minutes} min` : `${Math.floor(seconds)} s`;
}

/** @param {number} time since 1970, in milliseconds */
export function date(time) {
  return dates.format(time);
}

/** @param {number} time since 1970, in milliseconds */
export function clock(time) {
  return times.format(time);
}
