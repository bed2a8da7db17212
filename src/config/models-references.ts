import { isOpenAi } from './model-defaults';
import type { ModelsFile } from './models-schema';

/** What is wrong with a models file whose shape is right: names that are taken twice or do not exist, and values that exclude each other. */
export function modelReferenceProblems(file: ModelsFile): string[] {
  return [
    ...duplicates(
      file.providers.map(({ name }) => name),
      (index) => `providers[${index}].name`,
    ),
    ...duplicates(
      file.models.map(({ id }) => id),
      (index) => `models[${index}].id`,
    ),
    ...file.providers.flatMap(providerProblems),
    ...file.models.flatMap((model, index) => modelProblems(file, model, index)),
    ...defaultProblems(file),
  ];
}

function duplicates(names: string[], place: (index: number) => string): string[] {
  return names.flatMap((name, index) =>
    names.indexOf(name) < index ? [`${place(index)} is taken twice`] : [],
  );
}

function providerProblems(provider: ModelsFile['providers'][number], index: number): string[] {
  const { kind, base_url, api_key_env, headers_env } = provider;
  const place = `providers[${index}]`;
  if (kind === 'demo') return base_url ? [`${place}.base_url is not for a demo provider`] : [];
  const keyless = !api_key_env && Object.keys(headers_env).length === 0;
  return keyless && (!base_url || isOpenAi(base_url))
    ? [`${place}.api_key_env must be set for this base_url`]
    : [];
}

function modelProblems(file: ModelsFile, model: ModelsFile['models'][number], index: number): string[] {
  const place = `models[${index}]`;
  const problems = model.fallbacks.flatMap((fallback, position) => {
    const at = `${place}.fallbacks[${position}]`;
    if (fallback === model.id) return [`${at} is the model itself`];
    return file.models.some(({ id }) => id === fallback) ? [] : [`${at} is not the id of a model`];
  });
  if (!file.providers.some(({ name }) => name === model.provider)) {
    problems.push(`${place}.provider is not the name of a provider`);
  }
  const { context_window: window, max_output_tokens: output } = model;
  if (window !== undefined && output !== undefined && output >= window) {
    problems.push(`${place}.max_output_tokens must be less than context_window`);
  }
  return problems;
}

function defaultProblems({ default_model: id, models }: ModelsFile): string[] {
  return id === undefined || models.some((model) => model.id === id)
    ? []
    : ['default_model is not the id of a model'];
}
