import type { AddressInfo } from 'node:net';
import { isDeepStrictEqual } from 'node:util';
import type { Admin, AdminPlace } from '../admin/admin.ts';
import type { Log } from '../log.ts';
import { type Change, NO_CHANGE } from './change.ts';
import type { Service } from './service.ts';

/** Tells of a service as its configuration asks for it: an admin that may come, change and go while that runs. */
export class OptionalAdmin {
  readonly #service: Service;
  readonly #log: Log;
  #admin: Admin | undefined;
  #place: AdminPlace | undefined;

  constructor(service: Service, log: Log) {
    this.#service = service;
    this.#log = log;
    service.on('added', server => this.#admin?.watch(server));
    service.on('changed', server => this.#admin?.watch(server));
    service.on('gone', server => void this.#admin?.unwatch(server));
  }

  /** Where it listens; `undefined` while there is none. */
  get address(): AddressInfo | undefined {
    return this.#admin?.address;
  }

  /** Makes ready what is wanted now. Rejects with ERR_LISTEN, and all is as before then. */
  async prepare(wanted: AdminPlace | undefined): Promise<Change> {
    if (isDeepStrictEqual(wanted, this.#place)) return NO_CHANGE;
    const change = await this.#changeTo(wanted);
    const moves = !isDeepStrictEqual(wanted?.address, this.#place?.address);
    const before = this.address;
    const commit = async () => {
      await change.commit();
      this.#place = wanted;
      if (!moves) return;
      if (before !== undefined) this.#tell(before, 'admin listens no more');
      if (this.address !== undefined) this.#tell(this.address, 'admin listening');
    };
    return { commit, cancel: change.cancel };
  }

  async close(): Promise<void> {
    await this.#admin?.close();
  }

  async #changeTo(wanted: AdminPlace | undefined): Promise<Change> {
    const admin = this.#admin;
    if (admin === undefined) return wanted === undefined ? NO_CHANGE : this.#coming(wanted);
    if (wanted !== undefined) return admin.prepare(wanted);
    const commit = async () => {
      this.#admin = undefined;
      await admin.close();
    };
    return { commit, cancel: NO_CHANGE.cancel };
  }

  async #coming(place: AdminPlace): Promise<Change> {
    // Loaded only where it is asked for: others do not pay for it at their start.
    const { createAdmin } = await import('../admin/admin.ts');
    const admin = createAdmin({ ...place, log: this.#log, ready: () => this.#service.ready });
    const cancel = () => admin.close();
    await admin.listen().catch(async error => {
      await cancel();
      throw error;
    });
    const commit = async () => {
      this.#admin = admin;
      for (const server of this.#service.servers) admin.watch(server);
    };
    return { commit, cancel };
  }

  #tell({ address, port }: AddressInfo, message: string): void {
    this.#log.info({ address, port }, message);
  }
}
