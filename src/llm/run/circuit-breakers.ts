import type { ProviderConfig } from '../../config/models-config';
import { BREAKER_DEFAULTS, type BreakerOptions, CircuitBreaker } from './circuit-breaker';

/** One breaker for each provider: its models share an endpoint and a credential. */
export class CircuitBreakers {
  // By identity: of those that users bring, two may have the same name.
  private breakers = new WeakMap<ProviderConfig, CircuitBreaker>();

  constructor(private readonly options: BreakerOptions = BREAKER_DEFAULTS) {}

  of(provider: ProviderConfig): CircuitBreaker {
    const known = this.breakers.get(provider);
    if (known) return known;
    const breaker = new CircuitBreaker(this.options);
    this.breakers.set(provider, breaker);
    return breaker;
  }

  /** Forgets every failure. */
  reset(): void {
    this.breakers = new WeakMap();
  }
}
