import { Injectable } from '@nestjs/common';
import { PROVIDER_BOUNDS } from '../config/bounds';
import { ModelCheck, type ModelVerdict } from '../llm/check/model-check';
import { OwnModels } from './own-models';
import { ProviderProbe, type ProbeResult } from './provider-probe';
import { type Provider, ProvidersService } from './providers.service';

const { checkedModels, checkMs, checksMs } = PROVIDER_BOUNDS;

export interface CheckResult extends ProbeResult {
  /** Of the models that are configured, the first ones. */
  verdicts: ModelVerdict[];
}

/** Finds out whether a provider can be used, which models it has if none were named, and which of them answer. */
@Injectable()
export class ProviderCheck {
  constructor(
    private readonly providers: ProvidersService,
    private readonly models: OwnModels,
    private readonly probe: ProviderProbe,
    private readonly check: ModelCheck,
  ) {}

  /** @throws {AppError} `provider_not_found`, `key_unreadable`, `too_many_lookups` */
  async run(userId: string, id: string): Promise<CheckResult> {
    const provider = await this.providers.get(userId, id);
    const over = new AbortController();
    try {
      return await this.ask(provider, over.signal);
    } finally {
      over.abort();
    }
  }

  private async ask(provider: Provider, over: AbortSignal): Promise<CheckResult> {
    const listing = this.probe.check(this.models.configOf(provider), over);
    if (provider.models.length > 0) {
      const [result, verdicts] = await Promise.all([listing, this.askModels(provider, over)]);
      return { ...result, verdicts };
    }
    const result = await listing;
    if (result.models.length === 0) return { ...result, verdicts: [] };
    const { user_id, id } = provider;
    const found = await this.providers.update(user_id, id, { models: result.models });
    return { ...result, verdicts: await this.askModels(found, over) };
  }

  private askModels(provider: Provider, over: AbortSignal): Promise<ModelVerdict[]> {
    const targets = this.models.targetsOf(provider).slice(0, checkedModels.limit);
    const signal = AbortSignal.any([over, AbortSignal.timeout(checksMs.limit)]);
    return this.check.run(targets, { signal, modelMs: checkMs.limit });
  }
}
