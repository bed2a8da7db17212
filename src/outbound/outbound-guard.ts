import { AsyncLocalStorage } from 'node:async_hooks';
import type { OwnProvidersConfig } from '../config/app-config';
import { guardedConnector } from './guarded-connector';
import { outboundUrlProblem } from './outbound-url';
import { UserNames } from './user-names';

/** What users may have called: addresses on the Internet, and hosts that the operator allows. One for the process. */
export class OutboundGuard {
  private readonly allowedHosts: readonly string[];
  private readonly names: UserNames;
  /** For whom it is called. undici connects while a request is dispatched, and does not say whose it is. */
  private readonly user = new AsyncLocalStorage<string>();

  constructor({ allowedHosts, dnsServers }: Partial<OwnProvidersConfig> = {}) {
    this.allowedHosts = allowedHosts ?? [];
    this.names = new UserNames(dnsServers);
  }

  /** Whatever this work has looked up counts as this user's look-ups. */
  onBehalfOf<T>(userId: string, work: () => T): T {
    return this.user.run(userId, work);
  }

  /**
   * Why the user may not have this address called; undefined if they may.
   * @throws {TooManyLookups}
   */
  urlProblem(userId: string, text: string): Promise<string | undefined> {
    return outboundUrlProblem(text, this.allowedHosts, (hostname) => this.names.resolve(userId, hostname));
  }

  /** For requests that are made `onBehalfOf` a user. */
  connector(timeoutMs: number): ReturnType<typeof guardedConnector> {
    return guardedConnector(timeoutMs, this.allowedHosts, (hostname) =>
      this.names.resolve(this.user.getStore() ?? '', hostname),
    );
  }
}
