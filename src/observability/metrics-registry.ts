import type { Registry } from 'prom-client';
import type { MetricsConfig } from '../config/app-config';
import type { MetricsObserver } from './metrics-observer';

/** The metrics of this process, if they are on. */
export class MetricsRegistry {
  private constructor(readonly observer: MetricsObserver | undefined) {}

  /** Loads the library only where somebody may ask. */
  static async of(config: MetricsConfig | undefined, version: string): Promise<MetricsRegistry> {
    if (!config) return new MetricsRegistry(undefined);
    const { MetricsObserver } = await import('./metrics-observer.js');
    return new MetricsRegistry(new MetricsObserver(version));
  }

  /** Undefined if they are off. */
  get registry(): Registry | undefined {
    return this.observer?.registry;
  }
}
