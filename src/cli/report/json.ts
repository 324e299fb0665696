import type { Report } from './report.ts';

/** Names the form of the report; it changes when a program that reads it would have to. */
export const REPORT_SCHEMA = 'urn:sallyport:probe-report:1';

/** All that is known, for programs: as `docs/reference/probe-report.schema.json` says. What is not known is left out. */
export function jsonReport({ results, version }: Report): string {
  return `${JSON.stringify({ schema: REPORT_SCHEMA, version, results }, undefined, 2)}\n`;
}
