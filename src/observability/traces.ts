import type { OnApplicationShutdown } from '@nestjs/common';
import type { TracesConfig } from '../config/app-config';
import type { ProcessIdentity } from './process-identity';
import type { TracesObserver } from './traces-observer';

/** The traces of this process, if they are on. */
export class Traces implements OnApplicationShutdown {
  private constructor(readonly observer: TracesObserver | undefined) {}

  /** Loads the libraries only where there is a collector. */
  static async of(config: TracesConfig | undefined, identity: ProcessIdentity): Promise<Traces> {
    if (!config) return new Traces(undefined);
    const { TracesObserver } = await import('./traces-observer.js');
    return new Traces(new TracesObserver(config, identity));
  }

  async onApplicationShutdown(): Promise<void> {
    await this.observer?.close();
  }
}
