import { boundaryChecks } from './boundary-checks.ts';
import { certificateChecks } from './certificate-checks.ts';
import type { Check } from './check.ts';
import type { CheckId } from './check-table.ts';
import { clientChecks } from './client-checks.ts';
import { dialogueChecks } from './dialogue-checks.ts';
import { handshakeChecks } from './handshake-checks.ts';
import { offerChecks } from './offer-checks.ts';
import { serviceChecks } from './service-checks.ts';

/** How each check of the table is carried out. */
export const allChecks: { readonly [id in CheckId]: Check } = {
  ...offerChecks,
  ...boundaryChecks,
  ...dialogueChecks,
  ...clientChecks,
  ...handshakeChecks,
  ...certificateChecks,
  ...serviceChecks,
};
