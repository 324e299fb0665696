import type { Severity } from '../../probe/check-table.ts';
import type { ProbeResult } from '../../probe/probe-result.ts';
import { htmlReport } from './html.ts';
import { jsonReport } from './json.ts';
import { junitReport } from './junit.ts';
import { prometheusReport } from './prometheus.ts';
import { sarifReport } from './sarif.ts';
import { textReport } from './text.ts';

/** What a report is made of. */
export interface Report {
  readonly results: readonly ProbeResult[];
  /** The version of Sallyport. */
  readonly version: string;
  /** The least severity that counts as a failure. */
  readonly failOn: Severity;
  /** Of a text report, in columns. */
  readonly width: number;
  /** Whether a text report has colours. */
  readonly colour: boolean;
  /** Whether a text report has the whole dialogue. */
  readonly transcript: boolean;
}

/** Every format of a report, by its name. */
export const reportFormats: Readonly<Record<string, (report: Report) => string>> = {
  text: textReport,
  json: jsonReport,
  junit: junitReport,
  sarif: sarifReport,
  prometheus: prometheusReport,
  html: htmlReport,
};
