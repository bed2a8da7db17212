import type { ProviderConfig } from '../config/models-config';
import type { DemoClient } from './demo/demo-client';
import type { LlmClient } from './llm-client';
import type { OpenAiClient } from './openai/openai-client';

/** The client for each kind of provider. */
export class LlmClients {
  private readonly clients: Record<ProviderConfig['kind'], LlmClient>;

  constructor(openai: OpenAiClient, demo: DemoClient) {
    this.clients = { openai, demo };
  }

  for(provider: ProviderConfig): LlmClient {
    return this.clients[provider.kind];
  }
}
