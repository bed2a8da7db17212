import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ApiClient } from '../../support/api-client';
import { createTestApp } from '../../support/create-test-app';

const FILE = `
providers:
  - { name: local, base_url: http://127.0.0.1:9/v1 }
models:
  - { id: plain, provider: local, context_window: 8000, max_output_tokens: 1000 }
  - { id: thinker, provider: local, name: o3 }
  - id: own
    provider: local
    display_name: Our own
    description: Knows our handbook.
    inputs: [text, image]
    reasoning: true
default_model: own
`;

const directory = mkdtempSync(join(tmpdir(), 'parley-models-'));
afterAll(() => rmSync(directory, { recursive: true }));

async function listed(env: Record<string, string>): Promise<unknown> {
  const t = await createTestApp({ env });
  try {
    const { status, body } = await ApiClient.of(t.url, 'alice').get<{ data: object[] }>('/models');
    expect(status).toBe(200);
    return body.data;
  } finally {
    await t.close();
  }
}

describe('GET /models', () => {
  it('has all that a picker shows, of the file', async () => {
    const file = join(directory, 'models.yaml');
    writeFileSync(file, FILE);
    const none = { OPENAI_API_KEY: '', OPENAI_BASE_URL: '', OPENAI_MODEL: '' };
    const plain = { provider: 'local', description: null, inputs: ['text'], is_default: false };
    const numbers = { context_window: expect.any(Number), max_output_tokens: expect.any(Number) };
    expect(await listed({ MODELS_FILE: file, ...none })).toEqual([
      {
        ...plain,
        id: 'plain',
        name: 'plain',
        reasoning: false,
        context_window: 8000,
        max_output_tokens: 1000,
      },
      { ...plain, ...numbers, id: 'thinker', name: 'thinker', reasoning: true },
      {
        ...numbers,
        id: 'own',
        name: 'Our own',
        description: 'Knows our handbook.',
        inputs: ['text', 'image'],
        reasoning: true,
        provider: 'local',
        is_default: true,
      },
    ]);
  });

  it('has the default where there is no file', async () => {
    const demo = { OPENAI_API_KEY: '', OPENAI_BASE_URL: '', OPENAI_MODEL: '' };
    expect(await listed(demo)).toEqual([
      {
        id: 'parley-demo',
        name: 'parley-demo',
        description: null,
        inputs: ['text'],
        reasoning: false,
        provider: 'demo',
        context_window: expect.any(Number),
        max_output_tokens: expect.any(Number),
        is_default: true,
      },
    ]);
  });
});
