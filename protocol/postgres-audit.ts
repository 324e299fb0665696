import type { Audit } from '../src/dialogue/audit.ts';
import { LOGIN, requests, startupMessage } from './postgres-message.ts';

/** What the probe has to know of PostgreSQL. */
export const postgresAudit: Audit = {
  opening: () => [],
  login: { say: LOGIN, reply: /^R/ },
  // Answered under TLS before anything is asked; if late, the login behind it is taken for a password, and wrong.
  harmless: { say: LOGIN, reply: /^R.*E\0\0/s },
  again: { say: startupMessage(requests.ssl), reply: /^S/ },
  againFirst: true,
};
