import { boundaryChecks } from './boundary-checks.ts';
import { certificateChecks } from './certificate-checks.ts';
import type { Check } from './check.ts';
import type { CheckId } from './check-table.ts';
import { offerChecks } from './offer-checks.ts';

/** How each check of the table is carried out. */
export const allChecks: { readonly [id in CheckId]?: Check } = {
  ...offerChecks,
  ...boundaryChecks,
  ...certificateChecks,
};
