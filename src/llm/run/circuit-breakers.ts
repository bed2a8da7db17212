import type { ProviderConfig } from '../../config/models-config';
import { BREAKER_DEFAULTS, type BreakerOptions, CircuitBreaker } from './circuit-breaker';

/** One breaker for each provider: its models share an endpoint and a credential. */
export class CircuitBreakers {
  private readonly breakers = new Map<string, CircuitBreaker>();

  constructor(private readonly options: BreakerOptions = BREAKER_DEFAULTS) {}

  of({ name }: ProviderConfig): CircuitBreaker {
    const known = this.breakers.get(name);
    if (known) return known;
    const breaker = new CircuitBreaker(this.options);
    this.breakers.set(name, breaker);
    return breaker;
  }

  /** Forgets every failure. */
  reset(): void {
    this.breakers.clear();
  }
}
