import { Global, Module } from '@nestjs/common';
import { Test } from '@nestjs/testing';
import { testLimits, testModel, testProvider } from '../../test/support/model-calls';
import { AppConfig } from '../config/app-config';
import type { ModelPart } from './llm-client';
import { LlmModule } from './llm.module';
import { ModelCatalogue } from './model-catalogue';
import { ModelRunner } from './model-runner';

const llm = testLimits({ providers: [testProvider('', { kind: 'demo' })], models: [testModel()] });

@Global()
@Module({
  providers: [{ provide: AppConfig, useValue: { llm, ownProviders: { allowedHosts: [] } } }],
  exports: [AppConfig],
})
class TestConfigModule {}

it('LlmModule provides the catalogue and the runner from the configuration', async () => {
  const module = await Test.createTestingModule({ imports: [TestConfigModule, LlmModule] }).compile();
  expect(module.get(ModelCatalogue, { strict: false }).list()).toHaveLength(1);
  const request = {
    userId: 'alice',
    modelId: 'test-model',
    messages: [],
    settings: { max_output_tokens: 3 },
  };
  const parts: ModelPart[] = [];
  const step = await module
    .get(ModelRunner, { strict: false })
    .runStep(request, new AbortController().signal, {
      onParts: (batch) => void parts.push(...batch),
      onAttempt: () => undefined,
    });
  expect(step).toMatchObject({ reason: 'length', toolCalls: [] });
  expect(parts.length).toBeGreaterThan(0);
  await module.close();
});
