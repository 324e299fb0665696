/** The middle of a series, and the quarter below and above it. */
export interface Quartiles {
  readonly lower: number;
  readonly median: number;
  readonly upper: number;
}

/** Between two values of the series, by linear interpolation. Not a number for an empty series. */
export function quartiles(series: readonly number[]): Quartiles {
  const sorted = [...series].sort((a, b) => a - b);
  return { lower: quantile(sorted, 0.25), median: quantile(sorted, 0.5), upper: quantile(sorted, 0.75) };
}

/** The value that so large a share of the series does not exceed. Not a number for an empty series. */
export function percentile(series: readonly number[], share: number): number {
  return quantile(
    [...series].sort((a, b) => a - b),
    share,
  );
}

function quantile(sorted: readonly number[], share: number): number {
  const at = (sorted.length - 1) * share;
  const below = sorted[Math.floor(at)] ?? Number.NaN;
  const above = sorted[Math.ceil(at)] ?? Number.NaN;
  return below + (above - below) * (at - Math.floor(at));
}
