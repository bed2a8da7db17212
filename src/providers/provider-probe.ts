import { Injectable, type OnApplicationShutdown } from '@nestjs/common';
import type { Agent } from 'undici';
import { STORAGE_BOUNDS } from '../config/bounds';
import { AppConfig } from '../config/app-config';
import { PROVIDER_BOUNDS } from '../config/bounds';
import { HeldBytes } from '../llm/openai/held-bytes';
import { createAgent, providerFetch, type ProviderResponse } from '../llm/openai/provider-fetch';
import { parseJson } from '../llm/openai/provider-json';
import { readAtMost } from '../llm/openai/read-at-most';
import { TooManyLookups } from '../outbound/lookup-turns';
import { OutboundGuard } from '../outbound/outbound-guard';
import type { OwnModels } from './own-models';
import { isModelName } from './model-names';
import { tooManyLookups } from './providers.service';

type Probed = ReturnType<OwnModels['configOf']>;

export type ProbeCode = 'ok' | 'auth_failed' | 'refused' | 'unreachable' | 'invalid_response';

export interface ProbeResult {
  code: ProbeCode;
  /** The names that the provider gives its models. */
  models: string[];
}

/** Asks a provider for its models, to find out whether the address and the key are good. */
@Injectable()
export class ProviderProbe implements OnApplicationShutdown {
  private readonly agent: Agent;

  constructor(
    { llm }: AppConfig,
    private readonly guard: OutboundGuard,
    private readonly held: HeldBytes,
  ) {
    this.agent = createAgent(guard.connector(llm.connectTimeoutMs));
  }

  /**
   * Nothing of what the provider says but the names of its models is passed on.
   * @throws {AppError} `too_many_lookups`
   */
  check(userId: string, provider: Probed): Promise<ProbeResult> {
    return this.guard.onBehalfOf(userId, () => this.ask(provider));
  }

  private async ask({ baseUrl, apiKey }: Probed): Promise<ProbeResult> {
    try {
      const response = await providerFetch(
        this.agent,
        [],
        this.held,
      )(`${baseUrl}/models`, {
        headers: { accept: 'application/json', authorization: `Bearer ${apiKey}` },
        signal: AbortSignal.timeout(PROVIDER_BOUNDS.checkMs.limit),
      });
      if ([401, 403].includes(response.status)) return failed('auth_failed');
      if (!response.ok) return failed('refused');
      const { body } = response as unknown as ProviderResponse;
      const models = namesIn(await readAtMost(body, PROVIDER_BOUNDS.checkBytes.limit, this.held));
      return models ? { code: 'ok', models } : failed('invalid_response');
    } catch (error) {
      if (error instanceof Error && error.cause instanceof TooManyLookups) throw tooManyLookups();
      return failed('unreachable');
    }
  }

  async onApplicationShutdown(): Promise<void> {
    await this.agent.destroy();
  }
}

function failed(code: ProbeCode): ProbeResult {
  return { code, models: [] };
}

/** OpenAI's list of models; undefined if it is something else. */
function namesIn(text: string): string[] | undefined {
  const body = parseJson(text);
  const data = (body as { data?: unknown } | null | undefined)?.data;
  if (!Array.isArray(data)) return undefined;
  const names = data.map((entry) => (entry as { id?: unknown } | null)?.id).filter(isModelName);
  return [...new Set(names)].slice(0, STORAGE_BOUNDS.modelsOfProvider.limit);
}
