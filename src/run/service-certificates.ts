import { EventEmitter } from 'node:events';
import { isDeepStrictEqual } from 'node:util';
import {
  CertificateStore,
  type CurrentCertificates,
  type StoredCertificate,
} from '../certificates/certificate-store.ts';
import type { CertificateSpec, Configuration } from '../config/configuration.ts';
import type { Log } from '../log.ts';
import { TicketKeys } from '../net/ticket-keys.ts';
import type { TicketKeySource } from '../options.ts';

interface HeldStore {
  readonly spec: CertificateSpec;
  readonly store: CertificateStore;
}

interface Ticketing {
  readonly secret: Uint8Array | undefined;
  readonly keys: TicketKeySource | undefined;
}

/** What a configuration needs of certificates, opened, and not in force yet. */
export interface OpenedCertificates {
  /** Of session tickets, where the configuration has a secret for them. */
  readonly ticketKeys: TicketKeySource | undefined;
  /** As the files are now. */
  current(spec: CertificateSpec): CurrentCertificates;
  list(spec: CertificateSpec): readonly StoredCertificate[];
  /** They are in force: watches the files that are new, and gives up what nobody needs any more. */
  commit(): void;
  /** They are not to be: closes what has been opened for them. */
  discard(): void;
}

export interface ServiceCertificatesEvents {
  /** What these files give to servers is another. */
  changed: [spec: CertificateSpec];
}

/** The certificates of a service: one store for each distinct spec, shared by the listeners that have it. */
export class ServiceCertificates extends EventEmitter<ServiceCertificatesEvents> {
  readonly #log: Log;
  #held: readonly HeldStore[] = [];
  #ticketing: Ticketing = { secret: undefined, keys: undefined };

  constructor(log: Log) {
    super();
    this.#log = log;
  }

  /** All that are in force, those of several stores once; those that were refused and never good included. */
  get list(): readonly StoredCertificate[] {
    const all = this.#held.flatMap(({ store }) => store.list);
    const byFiles = new Map(all.map(each => [`${each.file}\0${each.keyFile}`, each]));
    return [...byFiles.values()];
  }

  /**
   * Looks at all files of those that are in force, and opens those that are not. Rejects as `CertificateStore.open` does,
   * and leaves nothing open then.
   */
  async open({ listeners, ticketSecret }: Configuration): Promise<OpenedCertificates> {
    const before = this.#held;
    const held: HeldStore[] = [];
    const opened = () => held.filter(each => !before.includes(each));
    const discard = () => closeAll(opened());
    try {
      for (const { certificates: spec } of listeners) {
        if (held.some(each => isDeepStrictEqual(each.spec, spec))) continue;
        const kept = before.find(each => isDeepStrictEqual(each.spec, spec));
        await kept?.store.check();
        held.push(kept ?? (await this.#openStore(spec)));
      }
    } catch (error) {
      discard();
      throw error;
    }
    const ticketing = this.#ticketingBy(ticketSecret);
    const storeOf = (spec: CertificateSpec) => storeIn(held, spec);
    const commit = () => {
      this.#held = held;
      this.#ticketing = ticketing;
      for (const { store } of opened()) store.watch();
      closeAll(before.filter(each => !held.includes(each)));
    };
    return {
      ticketKeys: ticketing.keys,
      current: spec => storeOf(spec).current,
      list: spec => storeOf(spec).list,
      commit,
      discard,
    };
  }

  /** For a spec that is in force. */
  current(spec: CertificateSpec): CurrentCertificates {
    return storeIn(this.#held, spec).current;
  }

  /** Watches no more. */
  close(): void {
    closeAll(this.#held);
  }

  async #openStore(spec: CertificateSpec): Promise<HeldStore> {
    const store = await CertificateStore.open({ ...spec, log: this.#log });
    store.on('changed', () => this.emit('changed', spec));
    return { spec, store };
  }

  /** The same keys for the same secret: they remember nothing else, but making them anew would change every listener. */
  #ticketingBy(secret: Uint8Array | undefined): Ticketing {
    if (isDeepStrictEqual(secret, this.#ticketing.secret)) return this.#ticketing;
    return { secret, keys: secret && new TicketKeys({ secret }) };
  }
}

function storeIn(held: readonly HeldStore[], spec: CertificateSpec): CertificateStore {
  const found = held.find(each => isDeepStrictEqual(each.spec, spec));
  if (found === undefined) throw new Error('certificates that were not opened');
  return found.store;
}

function closeAll(held: readonly HeldStore[]): void {
  for (const { store } of held) {
    store.removeAllListeners();
    void store.close();
  }
}
