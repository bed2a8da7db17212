import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ModelServer } from './model-server';

/**
 * Environment variables of an app whose MODELS_FILE has these models, in YAML, of one provider `p`: the model server.
 *
 *     modelsEnv(server, '{id: small, max_concurrent: 1}', '{id: large, fallbacks: [small]}')
 */
export function modelsEnv(server: ModelServer, ...models: string[]): NodeJS.ProcessEnv {
  const file = join(mkdtempSync(join(tmpdir(), 'parley-models-')), 'models.yaml');
  const entries = models.map((entry) => entry.replace('{', '{provider: p, '));
  writeFileSync(
    file,
    `providers: [{name: p, base_url: "${server.url}", api_key_env: TEST_KEY}]\nmodels: [${entries.join(', ')}]`,
  );
  return {
    MODELS_FILE: file,
    TEST_KEY: 'x-key-of-tests',
    OPENAI_API_KEY: '',
    OPENAI_BASE_URL: '',
    OPENAI_MODEL: '',
    LLM_MAX_RETRIES: '0',
  };
}
