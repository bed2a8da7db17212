import type { Registry } from 'prom-client';
import type { MetricsConfig } from '../config/app-config';
import type { MetricsObserver } from './metrics-observer';

/** A state that is read when somebody asks; with a label, one number for each of its values. */
export interface Reading {
  name: string;
  help: string;
  label?: string;
  value: () => number | Readonly<Record<string, number>> | Promise<number>;
}

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

  /** All metrics, in the text format of Prometheus. */
  text(): Promise<string> {
    return this.registry?.metrics() ?? Promise.resolve('');
  }

  /** What cannot be read at the moment is left as it was for one number, and left out of the text if it never was. */
  async add({ name, help, label, value }: Reading): Promise<void> {
    const { registry } = this;
    if (!registry) return;
    const { Gauge } = await import('prom-client');
    registry.registerMetric(
      new Gauge({
        name,
        help,
        ...(label !== undefined && { labelNames: [label] }),
        registers: [],
        async collect() {
          const now = await Promise.resolve(value()).catch(() => NaN);
          if (typeof now === 'number') this.set(now);
          else for (const [of, number] of Object.entries(now)) this.set({ [label ?? '']: of }, number);
        },
      }),
    );
  }
}
