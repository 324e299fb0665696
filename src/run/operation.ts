import type { Configuration } from '../config/configuration.ts';
import type { Log } from '../log.ts';
import { OptionalAdmin } from './optional-admin.ts';
import type { Reloadable } from './reloader.ts';
import { type Reloaded, Service, type ServiceSurroundings } from './service.ts';

/** All that a configuration puts in force: its servers, and what operating them needs. It changes together or not at all. */
export class Operation implements Reloadable {
  readonly service: Service;
  readonly admin: OptionalAdmin;
  readonly #log: Log;

  constructor(surroundings: ServiceSurroundings) {
    this.#log = surroundings.log;
    this.service = new Service(surroundings);
    this.admin = new OptionalAdmin(this.service, this.#log);
  }

  /** Rejects as `Service.start` does, and with ERR_LISTEN for the admin; nothing listens then. */
  async start(configuration: Configuration): Promise<void> {
    await this.#put(configuration, () => this.service.start(configuration));
  }

  /** Rejects as `Service.reload` does, and with ERR_LISTEN for the admin; all is as before then. */
  reload(configuration: Configuration): Promise<Reloaded> {
    return this.#put(configuration, () => this.service.reload(configuration));
  }

  /** As `Service.drain`; the admin goes on telling, and that it is not ready. */
  drain(within?: number): Promise<void> {
    return this.service.drain(within);
  }

  async #put<T>({ admin: wanted }: Configuration, put: () => Promise<T>): Promise<T> {
    const admin = await this.admin.prepare(wanted);
    try {
      const done = await put();
      await admin.commit();
      return done;
    } catch (error) {
      await admin.cancel();
      throw error;
    }
  }
}
