import type { Configuration } from '../config/configuration.ts';
import type { Change } from './change.ts';
import { CurrentRates } from './current-rates.ts';
import { OptionalAdmin } from './optional-admin.ts';
import { Privileges } from './privileges.ts';
import type { Reloadable } from './reloader.ts';
import { type Reloaded, Service, type ServiceSurroundings } from './service.ts';

/** All that a configuration puts in force: its servers, and what operating them needs. It changes together or not at all. */
export class Operation implements Reloadable {
  readonly service: Service;
  readonly admin: OptionalAdmin;
  readonly #rates: CurrentRates;
  readonly #privileges = new Privileges();

  constructor(surroundings: Omit<ServiceSurroundings, 'rates'>) {
    const { log } = surroundings;
    this.#rates = new CurrentRates(log);
    this.service = new Service({ ...surroundings, rates: this.#rates });
    this.admin = new OptionalAdmin(this.service, log);
  }

  /**
   * Listens everywhere, and goes on as another user where that is wanted. Rejects as `Service.start` does, with ERR_LISTEN
   * for the admin, and with ERR_PRIVILEGES; the process is to end then.
   */
  async start(configuration: Configuration): Promise<void> {
    await this.#put(configuration, () => this.service.start(configuration));
    this.#privileges.drop(configuration.identity);
  }

  /** Rejects as `Service.reload` does, with ERR_LISTEN for the admin, with ERR_OPTION for a Redis, and with ERR_PRIVILEGES for another user; all is as before then. */
  async reload(configuration: Configuration): Promise<Reloaded> {
    this.#privileges.check(configuration.identity);
    try {
      return await this.#put(configuration, () => this.service.reload(configuration));
    } catch (error) {
      throw this.#privileges.explained(error);
    }
  }

  /** As `Service.drain`; the admin goes on telling, and that it is not ready. */
  drain(within?: number): Promise<void> {
    return this.service.drain(within);
  }

  /** Ends what would keep the process alive. */
  async close(): Promise<void> {
    await this.admin.close();
    this.#rates.close();
  }

  async #put<T>({ admin, redis }: Configuration, put: () => Promise<T>): Promise<T> {
    const changes: Change[] = [];
    try {
      changes.push(await this.admin.prepare(admin));
      changes.push(await this.#rates.prepare(redis));
      const done = await put();
      for (const change of changes) await change.commit();
      return done;
    } catch (error) {
      for (const change of changes) await change.cancel();
      throw error;
    }
  }
}
