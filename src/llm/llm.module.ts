import { Inject, Module, type OnApplicationShutdown, type OnModuleInit } from '@nestjs/common';
import { AppConfig } from '../config/app-config';
import { ObservabilityModule } from '../observability/observability.module';
import { Observer } from '../observability/observer';
import { OutboundGuard } from '../outbound/outbound-guard';
import { OutboundModule } from '../outbound/outbound.module';
import { ModelCheck } from './check/model-check';
import { DemoClient } from './demo/demo-client';
import { LlmClients } from './llm-clients';
import { ModelCatalogue } from './model-catalogue';
import { ModelRunner } from './model-runner';
import { HeldBytes } from './openai/held-bytes';
import { OpenAiClient } from './openai/openai-client';
import { ModelSlots } from './slots/model-slots';
import { CircuitBreakers } from './run/circuit-breakers';
import { o200k } from './tokens/vocabulary';

/** The models and how to get a reply from one. Needs an AppConfig in a global module. */
@Module({
  imports: [OutboundModule, ObservabilityModule],
  providers: [
    {
      provide: ModelCatalogue,
      inject: [AppConfig],
      useFactory: ({ llm }: AppConfig) => new ModelCatalogue(llm),
    },
    {
      provide: ModelSlots,
      inject: [ModelCatalogue],
      useFactory: (catalogue: ModelCatalogue) => new ModelSlots(catalogue),
    },
    { provide: HeldBytes, useFactory: () => new HeldBytes() },
    {
      provide: OpenAiClient,
      inject: [AppConfig, OutboundGuard, HeldBytes],
      useFactory: ({ llm }: AppConfig, guard: OutboundGuard, held: HeldBytes) =>
        new OpenAiClient(llm, guard, held),
    },
    { provide: DemoClient, useFactory: () => new DemoClient() },
    { provide: CircuitBreakers, useFactory: () => new CircuitBreakers() },
    {
      provide: LlmClients,
      inject: [OpenAiClient, DemoClient],
      useFactory: (openai: OpenAiClient, demo: DemoClient) => new LlmClients(openai, demo),
    },
    {
      provide: ModelCheck,
      inject: [ModelCatalogue, LlmClients, OpenAiClient, AppConfig],
      useFactory: (...[catalogue, clients, openai, { llm }]: CheckParts) =>
        new ModelCheck(catalogue, clients, openai, llm),
    },
    {
      provide: ModelRunner,
      inject: [ModelCatalogue, LlmClients, CircuitBreakers, AppConfig, Observer],
      useFactory: (...[catalogue, clients, breakers, { llm }, observer]: RunnerParts) =>
        new ModelRunner(catalogue, clients, breakers, llm, observer),
    },
  ],
  exports: [ModelCatalogue, ModelCheck, ModelRunner, ModelSlots, OpenAiClient],
})
export class LlmModule implements OnModuleInit, OnApplicationShutdown {
  constructor(@Inject(OpenAiClient) private readonly openai: OpenAiClient) {}

  /** Loads the vocabulary before requests are served: that blocks the event loop for some tenths of a second. */
  onModuleInit(): void {
    o200k();
  }

  /** Closes connections in the last hook of the shutdown, when all replies have ended. */
  async onApplicationShutdown(): Promise<void> {
    await this.openai.close();
  }
}

type CheckParts = [ModelCatalogue, LlmClients, OpenAiClient, AppConfig];
type RunnerParts = [ModelCatalogue, LlmClients, CircuitBreakers, AppConfig, Observer];
