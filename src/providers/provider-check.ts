import { Injectable } from '@nestjs/common';
import { OwnModels } from './own-models';
import { ProviderProbe, type ProbeResult } from './provider-probe';
import { ProvidersService } from './providers.service';

/** Finds out whether a provider can be used, and which models it has if none were named. */
@Injectable()
export class ProviderCheck {
  constructor(
    private readonly providers: ProvidersService,
    private readonly models: OwnModels,
    private readonly probe: ProviderProbe,
  ) {}

  /** @throws {AppError} `provider_not_found`, `key_unreadable`, `too_many_lookups` */
  async run(userId: string, id: string): Promise<ProbeResult> {
    const provider = await this.providers.get(userId, id);
    const result = await this.probe.check(userId, this.models.configOf(provider));
    if (result.models.length > 0 && provider.models.length === 0)
      await this.providers.update(userId, id, { models: result.models });
    return result;
  }
}
