import { readFileSync } from 'node:fs';
import { isAbsolute } from 'node:path';
import { ConfigError } from './config-error';
import { modelsFromEnvironment, parseModelsFile } from './models-file';
import type { ModelsConfig } from './models-config';
import type { Variables } from './variables';

/** Undefined where there are problems, which are added to the others. */
export function readModels(
  values: Partial<Variables>,
  env: NodeJS.ProcessEnv,
  problems: string[],
): ModelsConfig | undefined {
  try {
    if (values.MODELS_FILE) return parseModelsFile(readModelsFile(values.MODELS_FILE), env);
    return modelsFromEnvironment({
      apiKey: values.OPENAI_API_KEY,
      baseUrl: values.OPENAI_BASE_URL,
      model: values.OPENAI_MODEL,
    });
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    problems.push(...error.problems);
    return undefined;
  }
}

function readModelsFile(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    throw new ConfigError([`MODELS_FILE ${unreadable(error, path)}`]);
  }
}

/** Of a file or folder that a variable names. A relative path begins at the folder that the service is started in. */
export function unreadable(error: unknown, path: string): string {
  const from = isAbsolute(path) ? '' : `; it is looked for from ${process.cwd()}`;
  return `cannot be read (${(error as NodeJS.ErrnoException).code ?? 'unknown error'})${from}`;
}
