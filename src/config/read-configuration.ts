import { readFile } from 'node:fs/promises';
import type { Protocol } from '../dialogue/protocol.ts';
import { unreadable } from '../errors.ts';
import { type Placed, reportTakenAddresses } from './addresses.ts';
import { placedAdmin, readAdmin } from './admin.ts';
import type { Configuration, ListenerConfiguration } from './configuration.ts';
import type { Environment } from './environment.ts';
import { limitsOf, readRedis } from './limits.ts';
import { readListener, type Shared } from './listener.ts';
import { loadSources } from './load-certificates.ts';
import { loadTicketSecret } from './load-ticket-secret.ts';
import { inOrder, type Mistake } from './mistake.ts';
import { Reading } from './reading.ts';
import type { AdminSection } from './schema/admin.ts';
import { certificateSource } from './schema/certificates.ts';
import { type ConfigurationSchema, configurationSchema } from './schema/schema.ts';
import { listOf } from './schema/values.ts';
import { schemaMistakes } from './schema-mistakes.ts';
import { shapeOf } from './shape.ts';
import { Source } from './source.ts';

export interface ConfigurationSurroundings {
  /** Those that a listener may speak. */
  readonly protocols: readonly Protocol[];
  /** Where `${NAME}` is looked up. Default: the process's. */
  readonly environment?: Environment;
}

/** A configuration that can be put in force, or all that is wrong with it. */
export type ReadConfiguration =
  | { readonly configuration: Configuration; readonly mistakes: readonly [] }
  | { readonly configuration: undefined; readonly mistakes: readonly Mistake[] };

/** Reads and checks a configuration and all files that it names. It listens nowhere and never throws for what is in a file. */
export async function readConfiguration(
  file: string,
  surroundings: ConfigurationSurroundings,
): Promise<ReadConfiguration> {
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (error) {
    const mistake = {
      file,
      position: undefined,
      found: unreadable(error),
      right: 'name a YAML file',
    };
    return { configuration: undefined, mistakes: [mistake] };
  }
  return readText(file, text, surroundings);
}

/** The same for a text in hand; files that it names are seen from the folder of `file`. */
export async function readText(
  file: string,
  text: string,
  { protocols, environment = process.env }: ConfigurationSurroundings,
): Promise<ReadConfiguration> {
  const schema = configurationSchema(protocols.map(({ name }) => name));
  const source = new Source(file, text, environment);
  if (source.syntax.length > 0) return { configuration: undefined, mistakes: inOrder(source.syntax) };
  const reading = new Reading(source, shapeOf(schema));
  const read = schema.safeParse(source.value, { reportInput: true });
  const issues = read.error?.issues ?? [];
  reading.mistakes.push(...source.missing, ...schemaMistakes(issues, source, reading.shape));
  const asked = schema.shape.admin.safeParse(sections(source.value)['admin']).data;
  const [listeners, ticketSecret, admin, redis] = await Promise.all([
    readListeners(schema, reading, protocols, asked),
    readTicketSecret(schema, reading),
    readAdmin(asked, reading),
    readRedis(sections(sections(source.value)['limits'])['redis'], reading),
  ]);
  if (!read.success || reading.mistakes.length > 0) {
    return { configuration: undefined, mistakes: inOrder(reading.mistakes) };
  }
  const { limits, user, group, log, drain } = read.data;
  const configuration = {
    file,
    listeners,
    ...(admin && { admin }),
    ticketSecret,
    limits: limitsOf(limits),
    ...(redis === undefined ? {} : { redis }),
    identity: { ...(user && { user }), ...(group && { group }) },
    log: { level: log.level, format: log.format ?? (process.stderr.isTTY ? 'pretty' : 'json') },
    drain,
  } as const;
  return { configuration, mistakes: [] };
}

/** Those listeners that the schema has nothing against, also where it has something against others. */
async function readListeners(
  schema: ConfigurationSchema,
  reading: Reading,
  protocols: readonly Protocol[],
  admin: AdminSection | undefined,
): Promise<readonly ListenerConfiguration[]> {
  const { certificates, ocsp, hostname, listeners } = sections(reading.source.value);
  const own = Array.isArray(certificates)
    ? certificates.map(each => certificateSource().safeParse(each).data)
    : schema.shape.certificates.safeParse(certificates).data;
  const shared: Shared = {
    protocols,
    hasCertificates: certificates !== undefined,
    sources: own && (await loadSources(own, ['certificates'], reading)),
    ocsp: schema.shape.ocsp.safeParse(ocsp).data ?? true,
    hostname: schema.shape.hostname.safeParse(hostname).data,
  };
  const sound = (Array.isArray(listeners) ? listeners : []).flatMap((section, index) => {
    const { data } = schema.shape.listeners.element.safeParse(section);
    return data === undefined ? [] : [{ data, path: ['listeners', index] }];
  });
  const placed: readonly Placed[] = sound.flatMap(({ data, path }) =>
    listOf(data.address).map((address, index) => ({
      address,
      path: [...path, 'address', ...(Array.isArray(data.address) ? [index] : [])],
    })),
  );
  reportTakenAddresses(admin === undefined ? placed : [...placed, placedAdmin(admin)], reading);
  const read = await Promise.all(sound.map(({ data, path }) => readListener(data, path, reading, shared)));
  return read.flat();
}

async function readTicketSecret(schema: ConfigurationSchema, reading: Reading) {
  const { 'ticket-secret': given } = sections(reading.source.value);
  const { data } = schema.shape['ticket-secret'].safeParse(given);
  return data === undefined ? undefined : loadTicketSecret(data, ['ticket-secret'], reading);
}

function sections(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null ? (value as Readonly<Record<string, unknown>>) : {}; // keys are texts
}
