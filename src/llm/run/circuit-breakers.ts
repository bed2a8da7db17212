import type { ProviderConfig } from '../../config/models-config';
import type { CatalogueEntry } from '../model-catalogue';
import { BREAKER_DEFAULTS, type BreakerOptions, CircuitBreaker } from './circuit-breaker';

/** One breaker for each model of each provider: one model can be down while others of its provider answer. */
export class CircuitBreakers {
  // Keys are objects, not names: two providers of users may have the same name.
  private breakers = new WeakMap<ProviderConfig, Map<string, CircuitBreaker>>();

  constructor(private readonly options: BreakerOptions = BREAKER_DEFAULTS) {}

  of({ provider, model }: CatalogueEntry): CircuitBreaker {
    const models = this.breakers.get(provider) ?? new Map<string, CircuitBreaker>();
    const breaker = models.get(model.name) ?? new CircuitBreaker(this.options);
    this.breakers.set(provider, models.set(model.name, breaker));
    return breaker;
  }

  /** Forgets every failure. */
  reset(): void {
    this.breakers = new WeakMap();
  }
}
