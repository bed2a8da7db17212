/** `npm run check-model -- [model]`: asks every configured model for a token, and says what is wrong with those that do not answer. */
import 'reflect-metadata';
import { Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { ConfigError } from '../config/config-error';
import { ConfigModule } from '../config/config.module';
import { ModelCheck, type ModelVerdict } from '../llm/check/model-check';
import { nearestNames } from '../llm/check/near-names';
import { LlmModule } from '../llm/llm.module';
import { type CatalogueEntry, ModelCatalogue } from '../llm/model-catalogue';
import { UsageError } from '../common/usage-error';

const USAGE = 'npm run check-model -- [model]   asks one model, or all of them, for a token';

/** The models without the service around them: no database is opened. */
@Module({ imports: [ConfigModule, LlmModule] })
class CheckModelModule {}

async function main([id, ...more]: string[]): Promise<void> {
  if (id?.startsWith('-') || more.length > 0) throw new UsageError(USAGE);
  const app = await NestFactory.createApplicationContext(CheckModelModule, {
    abortOnError: false,
    // What it has to say it throws as well, and that is told below.
    logger: false,
  });
  try {
    const targets = targetsOf(app.get(ModelCatalogue, { strict: false }), id);
    const signal = new AbortController().signal;
    const verdicts = await app.get(ModelCheck, { strict: false }).run(targets, { signal });
    process.stdout.write(verdicts.map(describe).join(''));
    if (verdicts.some(({ code }) => code !== 'ok')) process.exitCode = 1;
  } finally {
    await app.close();
  }
}

function targetsOf(catalogue: ModelCatalogue, id: string | undefined): CatalogueEntry[] {
  if (id === undefined) return catalogue.list();
  const target = catalogue.resolve(id);
  if (target) return [target];
  const ids = catalogue.list().map(({ model }) => model.id);
  const near = nearestNames(id, ids);
  throw new UsageError(
    `No model ${id} is configured. ${near.length ? `There is: ${near.join(', ')}` : `There are: ${ids.join(', ')}`}`,
  );
}

/** One line for each model, and below it whatever helps to mend it. */
function describe({ target: { model, provider }, code, message, ...verdict }: ModelVerdict): string {
  const name = model.name === model.id ? '' : ` (${model.name})`;
  const head = `${code === 'ok' ? 'ok    ' : 'FAILED'}  ${model.id}${name} of ${provider.name}`;
  if (code === 'ok') return `${head}: answers after ${verdict.first_event_ms ?? 0} ms\n`;
  const facts = [
    message,
    verdict.provider_words && `It says: ${verdict.provider_words}`,
    verdict.url && `Asked: ${verdict.url}`,
    verdict.request_id && `Its request id: ${verdict.request_id}`,
  ];
  const codes = [code, verdict.status, verdict.provider_code].filter((fact) => fact !== null);
  const lines = facts.filter((fact) => !!fact).map((fact) => `        ${fact}\n`);
  return `${head}: ${codes.join(', ')}\n${lines.join('')}`;
}

main(process.argv.slice(2)).catch((error: unknown) => {
  const expected = error instanceof UsageError || error instanceof ConfigError;
  const { message, stack } = error as Error;
  process.stderr.write(`${expected ? message : (stack ?? message)}\n`);
  process.exitCode = 1;
});
