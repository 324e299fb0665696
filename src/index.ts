export * from '../protocol/index.ts';
export { AcmeCertificates, type AcmeEvents } from './acme/acme-certificates.ts';
export type { AcmeOptions } from './acme/acme-options.ts';
export type { ChallengeAnswerers } from './acme/acme-order.ts';
export { Admin, type AdminOptions, adminDefaults, createAdmin } from './admin/admin.ts';
export type { Figures, Snapshot, SnapshotRequest } from './admin/figures.ts';
export type { CertificateDirectory, CertificateSource } from './certificates/certificate-source.ts';
export {
  CertificateStore,
  type CertificateStoreEvents,
  type CertificateStoreOptions,
  type CurrentCertificates,
  type StoredCertificate,
} from './certificates/certificate-store.ts';
export type { CertificateStatus } from './certificates/held-certificate.ts';
export type { StapleStatus } from './certificates/held-staple.ts';
export type { TrustFiles } from './certificates/held-trust.ts';
export type { Action } from './dialogue/action.ts';
export type { Audit, AuditedReply, ReplyTest } from './dialogue/audit.ts';
export { readBlock } from './dialogue/block.ts';
export { type CommandParts, splitCommand } from './dialogue/command.ts';
export type {
  DataConnection,
  FollowedSession,
  Follower,
  Move,
  Transfer,
  TransferEnd,
} from './dialogue/follower.ts';
export { fromUpstream } from './dialogue/from-upstream.ts';
export { defineLineProtocol, type LineCommand, type LineProtocolOptions } from './dialogue/line-protocol.ts';
export { Machine, type MachineOptions } from './dialogue/machine.ts';
export type { Dialogue, Need, Side, StartTlsOptions, Step } from './dialogue/peer.ts';
export { Peer } from './dialogue/peer.ts';
export {
  listedCapabilities,
  mayHandOver,
  mayUpgrade,
  needsTls,
  type Protocol,
  type Scene,
} from './dialogue/protocol.ts';
export { expectReply, type Reply, readReply, reply } from './dialogue/reply.ts';
export type { ClientCertificateFacts, TlsFacts } from './dialogue/tls-facts.ts';
export { type Blame, type ErrorCode, errorTable, SallyportError } from './errors.ts';
export type { Log } from './log.ts';
export { Admission, type AdmissionLimits } from './net/admission.ts';
export type { Census, Phase, Traffic } from './net/census.ts';
export {
  type CertificateFiles,
  loadAuthorities,
  loadCertificate,
  loadRevocationLists,
} from './net/certificates.ts';
export type { ClientDialogueOptions, Spoken } from './net/client-dialogue.ts';
export { type ConnectTlsOptions, connectTls } from './net/connect-tls.ts';
export type { PortRange } from './net/data-port.ts';
export { type DevelopmentCertificate, developmentCertificate } from './net/development-authority.ts';
export { type DialOptions, type DialTarget, dial } from './net/dial.ts';
export { type LinesOptions, linesOf } from './net/lines.ts';
export type { ListenOptions } from './net/listener.ts';
export { type OpenSecureOptions, openSecure, type SecureConnection } from './net/open-secure.ts';
export type { Milestone } from './net/progress.ts';
export { inMemory, type RateLimit, type RateStore } from './net/rate-limit.ts';
export { type RedisRates, redisRates } from './net/redis-rates.ts';
export type { Application, RemoteAddress, Session, SessionFacts } from './net/session.ts';
export type { SessionEnd } from './net/session-end.ts';
export { TlsTerminator } from './net/terminator.ts';
export { TicketKeys, type TicketKeysOptions } from './net/ticket-keys.ts';
export { tlsFacts } from './net/tls-facts.ts';
export { type UpgradeOptions, upgrade } from './net/upgrade.ts';
export type { UpstreamAddress } from './net/upstream-choice.ts';
export type { UpstreamTls } from './net/upstream-dialler.ts';
export {
  type Certificate,
  defaults,
  type ServerOptions,
  type StapleSource,
  type TicketKey,
  type TicketKeyRing,
  type TicketKeySource,
  type TlsOptions,
} from './options.ts';
export {
  type CheckEntry,
  type CheckId,
  checkIds,
  checkTable,
  type Family,
  type Severity,
} from './probe/check-table.ts';
export { type ProbeOptions, probeDefaults } from './probe/probe-options.ts';
export type * from './probe/probe-result.ts';
export { type ProbeTarget, parseTarget, targetUrl } from './probe/probe-target.ts';
export { type ProbeAllOptions, probe, probeAll } from './probe.ts';
export { createProxy, type ProxyOptions } from './proxy.ts';
export { createServer, Server, type ServerEvents, type Surroundings } from './server.ts';
