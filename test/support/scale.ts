/** Whether the big numbers are asked for: `npm run test:long`. */
export const LONG = process.env['SALLYPORT_LONG'] !== undefined;

/** A big number, or the tenth of it that `npm test` takes. */
export function scaled(count: number): number {
  return LONG ? count : Math.ceil(count / 10);
}
