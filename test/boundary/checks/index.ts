import type { Check } from './check.ts';
import { clientCertificate, reloadKeepsOptions, stalledHandshake } from './handshakes.ts';
import {
  boundaryMatrix,
  cleanUpgrade,
  earlyClientHello,
  generatedInjections,
  race,
  unreadReplies,
} from './injections.ts';
import { refusedConnections } from './refused-leak.ts';
import { nestedUpgrade, plaintextInSession, renegotiation, stateForgotten } from './sessions.ts';

/** Every law of the upgrade boundary that can be tried on any server. */
export const checks: readonly Check[] = [
  cleanUpgrade,
  boundaryMatrix,
  generatedInjections,
  race,
  earlyClientHello,
  unreadReplies,
  stateForgotten,
  nestedUpgrade,
  plaintextInSession,
  renegotiation,
  stalledHandshake,
  clientCertificate,
  reloadKeepsOptions,
  refusedConnections,
];
