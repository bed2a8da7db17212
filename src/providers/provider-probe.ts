import { Injectable } from '@nestjs/common';
import { PROVIDER_BOUNDS, STORAGE_BOUNDS } from '../config/bounds';
import type { ProviderConfig } from '../config/models-config';
import { LlmError } from '../llm/llm-error';
import { OpenAiClient } from '../llm/openai/openai-client';
import { isModelName } from './model-names';
import { tooManyLookups } from './providers.service';

export type ProbeCode = 'ok' | 'auth_failed' | 'refused' | 'unreachable' | 'invalid_response';

export interface ProbeResult {
  code: ProbeCode;
  /** The names that the provider gives its models. */
  models: string[];
}

/** Asks a provider for its models, to find out whether the address and the key are good. */
@Injectable()
export class ProviderProbe {
  constructor(private readonly openai: OpenAiClient) {}

  /**
   * Nothing of what the provider says but the names of its models is passed on.
   * @throws {AppError} `too_many_lookups`
   */
  async check(provider: ProviderConfig, signal: AbortSignal): Promise<ProbeResult> {
    const deadline = AbortSignal.any([signal, AbortSignal.timeout(PROVIDER_BOUNDS.checkMs.limit)]);
    try {
      const names = (await this.openai.models(provider, deadline)).filter(isModelName);
      return { code: 'ok', models: names.slice(0, STORAGE_BOUNDS.modelsOfProvider.limit) };
    } catch (error) {
      return { code: codeOf(error), models: [] };
    }
  }
}

function codeOf(error: unknown): ProbeCode {
  const { status, reason } = (error instanceof LlmError && error.detail) || {};
  if (reason === 'TOO_MANY_LOOKUPS') throw tooManyLookups();
  if (status === undefined) return 'unreachable';
  if (status < 300) return 'invalid_response';
  return [401, 403].includes(status) ? 'auth_failed' : 'refused';
}
