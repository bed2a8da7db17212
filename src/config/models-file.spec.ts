import { ConfigError } from './config-error';
import { modelsFromEnvironment, parseModelsFile } from './models-file';

const ENV = { KEY: 'sk-secret-value', TENANT: 'tenant-secret', EMPTY: ' ', MULTILINE: 'a\nb' };

const SMALLEST = `
providers:
  - name: local
    base_url: http://127.0.0.1:11434/v1/
models:
  - id: qwen3:8b
    provider: local
`;

const FULL = `
providers:
  - name: openai
    api_key_env: KEY
  - name: azure
    base_url: https://example.openai.azure.com/openai/v1
    headers: { x-team: blue }
    headers_env: { api-key: TENANT }
    query: { api-version: preview }
    stream_usage: false
    first_event_timeout_ms: 120000
    idle_timeout_ms: 90000
  - name: demo
    kind: demo
models:
  - id: gpt
    provider: openai
    name: gpt-5-mini
    fallbacks: [own]
  - id: own
    provider: azure
    name: deployment
    display_name: " Our own "
    description: Knows our handbook 📖.
    inputs: [text, image]
    reasoning: false
    context_window: 8000
    max_output_tokens: 1000
    unsupported_settings: [seed, stop]
    max_tokens_field: max_tokens
    settings: { temperature: 0.2, stop: ["###"] }
    think_tags: true
    price: { input: 0.25, output: 2 }
    max_concurrent: 2
  - { id: parley-demo, provider: demo }
default_model: own
`;

function problems(text: string): readonly string[] {
  try {
    parseModelsFile(text, ENV);
  } catch (error) {
    if (error instanceof ConfigError) return error.problems;
    throw error;
  }
  return [];
}

describe('parseModelsFile', () => {
  it('needs only what cannot be guessed', () => {
    expect(parseModelsFile(SMALLEST, {})).toEqual({
      providers: [
        {
          name: 'local',
          kind: 'openai',
          baseUrl: 'http://127.0.0.1:11434/v1',
          headers: {},
          query: {},
          streamUsage: true,
        },
      ],
      models: [
        {
          id: 'qwen3:8b',
          displayName: 'qwen3:8b',
          inputs: ['text'],
          reasoning: false,
          provider: 'local',
          name: 'qwen3:8b',
          contextWindow: 128_000,
          maxOutputTokens: 4096,
          outputIsGuessed: true,
          vocabulary: 'other',
          unsupportedSettings: [],
          maxTokensField: 'max_tokens',
          settings: {},
          systemRole: 'system',
          extraBody: {},
          continuation: 'instruct',
          thinkTags: false,
          fallbacks: [],
        },
      ],
      defaultModel: 'qwen3:8b',
    });
  });

  it('reads everything', () => {
    const { providers, models, defaultModel } = parseModelsFile(FULL, ENV);
    expect(defaultModel).toBe('own');
    expect(providers).toMatchObject([
      { name: 'openai', baseUrl: 'https://api.openai.com/v1', apiKey: 'sk-secret-value' },
      {
        name: 'azure',
        apiKey: undefined,
        headers: { 'x-team': 'blue', 'api-key': 'tenant-secret' },
        query: { 'api-version': 'preview' },
        streamUsage: false,
        firstEventTimeoutMs: 120_000,
        idleTimeoutMs: 90_000,
      },
      { name: 'demo', kind: 'demo', baseUrl: undefined },
    ]);
    expect(models).toMatchObject([
      {
        id: 'gpt',
        displayName: 'gpt',
        reasoning: true,
        name: 'gpt-5-mini',
        contextWindow: 400_000,
        maxTokensField: 'max_completion_tokens',
        fallbacks: ['own'],
      },
      {
        id: 'own',
        displayName: 'Our own',
        description: 'Knows our handbook 📖.',
        inputs: ['text', 'image'],
        reasoning: false,
        contextWindow: 8000,
        maxOutputTokens: 1000,
        unsupportedSettings: ['seed', 'stop'],
        maxTokensField: 'max_tokens',
        settings: { temperature: 0.2, stop: ['###'] },
        thinkTags: true,
        price: { input: 0.25, output: 2 },
        maxConcurrent: 2,
      },
      { id: 'parley-demo', name: 'parley-demo' },
    ]);
  });

  it('reads JSON too', () => {
    const file = { providers: [{ name: 'p', api_key_env: 'KEY' }], models: [{ id: 'm', provider: 'p' }] };
    expect(parseModelsFile(JSON.stringify(file), ENV).defaultModel).toBe('m');
  });

  it('names every problem with its place', () => {
    const found = problems(`
providers:
  - { name: p, base_url: ftp://x, api_key: sk-oops, api_key_env: NOT_SET }
  - { name: q, base_url: "https://user:pass@x.example/v1", timeout: 5, headers: { Authorization: x } }
models:
  - { id: m, provider: p, context_window: -1, think_tags: maybe, settings: { temperature: 9, topp: 1 } }
  - { provider: p, unsupported_settings: [nothing], max_concurrent: 1.5 }
  - { id: n, provider: p, max_concurrent: 0 }
  - { id: o, provider: p, max_concurrent: '1' }
  - { id: p, provider: p, max_concurrent: 10001 }
unknown: 1
`);
    expect([...found].sort()).toEqual(
      [
        'MODELS_FILE models[0].context_window must be a whole number from 1 to 100000000',
        'MODELS_FILE models[0].settings.temperature must be a number from 0 to 2',
        'MODELS_FILE models[0].settings.topp is not known',
        'MODELS_FILE models[0].think_tags must be true, false or open',
        'MODELS_FILE models[1].id must be text',
        ...[1, 2, 3, 4].map(
          (index) => `MODELS_FILE models[${index}].max_concurrent must be a whole number from 1 to 10000`,
        ),
        'MODELS_FILE models[1].unsupported_settings[0] must be the name of a setting',
        'MODELS_FILE providers[0].api_key is not allowed: name an environment variable in api_key_env',
        'MODELS_FILE providers[0].api_key_env names an environment variable that is not set',
        'MODELS_FILE providers[0].base_url must be a URL that begins with http:// or https://',
        'MODELS_FILE providers[1].base_url must not contain credentials',
        'MODELS_FILE providers[1].headers.Authorization looks like a secret: use headers_env',
        'MODELS_FILE providers[1].timeout is not known',
        'MODELS_FILE unknown is not known',
      ].sort(),
    );
  });

  it.each([
    ['display_name', '""', 'must be 1 to 100 characters on one line'],
    ['display_name', `"${'x'.repeat(101)}"`, 'must be 1 to 100 characters on one line'],
    ['display_name', '"a\\u202eb"', 'must be 1 to 100 characters on one line'],
    ['display_name', '7', 'must be 1 to 100 characters on one line'],
    ['description', `"${'x'.repeat(1001)}"`, 'must be 1 to 1000 characters on one line'],
    ['description', '"a\\nb"', 'must be 1 to 1000 characters on one line'],
    ['inputs', 'text', 'must be a list'],
    ['inputs', '[]', 'must have text'],
    ['inputs', '[image]', 'must have text'],
    ['inputs', '[text, text]', 'must not repeat itself'],
    ['inputs', '[text, smell]', 'must be text or image', '[1]'],
    ['reasoning', '1', 'must be true or false'],
  ])('does not take the %s %s', (field, value, message, at = '') => {
    expect(problems(`${SMALLEST}    ${field}: ${value}\n`)).toEqual([
      `MODELS_FILE models[0].${field}${at} ${message}`,
    ]);
  });

  it('takes a name and a description as long as they may be', () => {
    const more = `    display_name: "${'📖'.repeat(100)}"\n    description: "${'📖'.repeat(1000)}"\n`;
    expect(problems(SMALLEST + more)).toEqual([]);
  });

  it('names every wrong reference', () => {
    const found = problems(`
providers:
  - { name: p, api_key_env: KEY }
  - { name: p, api_key_env: KEY }
  - { name: bare }
  - { name: d, kind: demo, base_url: http://x.example }
models:
  - { id: m, provider: nobody, fallbacks: [m, ghost] }
  - { id: m, provider: p, context_window: 100, max_output_tokens: 100 }
default_model: ghost
`);
    expect(found).toEqual([
      'MODELS_FILE providers[1].name is taken twice',
      'MODELS_FILE models[1].id is taken twice',
      'MODELS_FILE providers[2].api_key_env must be set for this base_url',
      'MODELS_FILE providers[3].base_url is not for a demo provider',
      'MODELS_FILE models[0].fallbacks[0] is the model itself',
      'MODELS_FILE models[0].fallbacks[1] is not the id of a model',
      'MODELS_FILE models[0].provider is not the name of a provider',
      'MODELS_FILE models[1].max_output_tokens must be less than context_window',
      'MODELS_FILE default_model is not the id of a model',
    ]);
  });

  it.each([
    ['nothing', ''],
    ['text', 'hello'],
    ['a list', '- a'],
    ['a number', '5'],
    ['no models', 'providers: []\nmodels: []'],
    ['models that are text', 'providers: x\nmodels: y'],
    ['broken YAML', 'providers: [\nsk-secret'],
    ['broken JSON', '{"providers": [}'],
    ['a key twice', 'models: []\nmodels: []'],
    ['an alias to nowhere', 'models: *x'],
    [
      'a bomb of aliases',
      `a: &a [x,x]\n${'bcdefghij'
        .split('')
        .map((key, at) => `${key}: &${key} [${`*${'abcdefghi'[at]},`.repeat(9)}]`)
        .join('\n')}`,
    ],
    ['a tag', 'models: !!js/function "x"'],
    ['a variable that is empty', SMALLEST.replace('name: local', 'name: local\n    api_key_env: EMPTY')],
    ['a variable of two lines', SMALLEST.replace('name: local', 'name: local\n    api_key_env: MULTILINE')],
  ])('refuses %s, and says where', (_, text) => {
    const found = problems(text);
    expect(found.length).toBeGreaterThan(0);
    expect(found.every((problem) => /^MODELS_FILE \S/.test(problem))).toBe(true);
  });

  it('repeats no value', () => {
    const secret = 'sk-live-abcdefghijklmnop';
    const texts = [
      `providers: [{ name: "${secret} ", api_key_env: "${secret}", base_url: "http://x:${secret}@y", headers: { a: "${secret}\\n" } }]\nmodels: [{ id: "a b ${secret}", provider: p }]`,
      `providers: [{ name: p, api_key_env: KEY }]\nmodels: [{ id: m, provider: ${secret}, fallbacks: [${secret}] }]\ndefault_model: ${secret}`,
      `providers:\n  ${secret}\n - x: [`,
    ];
    for (const text of texts) {
      expect(problems(text).length).toBeGreaterThan(0);
      expect(problems(text).join()).not.toContain(secret);
    }
  });
});

describe('modelsFromEnvironment', () => {
  it('is the demo without a key and an endpoint', () => {
    for (const options of [{}, { model: 'gpt-4o' }, { apiKey: '', baseUrl: '' }]) {
      expect(modelsFromEnvironment(options)).toMatchObject({
        providers: [{ name: 'demo', kind: 'demo' }],
        models: [{ id: 'parley-demo', provider: 'demo' }],
        defaultModel: 'parley-demo',
      });
    }
  });

  it('is OpenAI with a key alone', () => {
    const { providers, models, defaultModel } = modelsFromEnvironment({ apiKey: 'sk-x' });
    expect(providers).toMatchObject([
      { name: 'openai', baseUrl: 'https://api.openai.com/v1', apiKey: 'sk-x' },
    ]);
    expect(models).toMatchObject([
      {
        id: 'gpt-5-mini',
        contextWindow: 400_000,
        maxOutputTokens: 128_000,
        maxTokensField: 'max_completion_tokens',
        unsupportedSettings: ['temperature', 'top_p', 'stop'],
      },
    ]);
    expect(defaultModel).toBe('gpt-5-mini');
  });

  it('is any endpoint, with or without a key', () => {
    const { providers, models } = modelsFromEnvironment({
      baseUrl: 'http://localhost:11434/v1',
      model: 'qwen3:8b',
    });
    expect(providers).toMatchObject([
      { baseUrl: 'http://localhost:11434/v1', apiKey: undefined, streamUsage: true },
    ]);
    expect(models).toMatchObject([
      {
        id: 'qwen3:8b',
        contextWindow: 128_000,
        maxOutputTokens: 4096,
        maxTokensField: 'max_tokens',
        unsupportedSettings: [],
      },
    ]);
  });

  it.each([
    ['gpt-4o', ['reasoning_effort']],
    ['gpt-5-chat-latest', ['reasoning_effort']],
    ['o3', ['temperature', 'top_p', 'stop']],
    ['o4-mini', ['temperature', 'top_p', 'stop']],
    ['gpt-5-of-the-future', ['temperature', 'top_p', 'stop']],
    ['constructor', ['reasoning_effort']],
  ])('knows what OpenAI’s %s does not understand', (model, unsupportedSettings) => {
    expect(modelsFromEnvironment({ apiKey: 'x', model }).models[0].unsupportedSettings).toEqual(
      unsupportedSettings,
    );
  });

  it.each([
    ['gpt-4o', false],
    ['gpt-5-mini', true],
    ['gpt-5-chat-latest', false],
    ['gpt-oss-20b', true],
    ['openai/o3', true],
    ['google/gemini-2.5-flash', true],
    ['x-ai/grok-4-fast-non-reasoning', false],
    ['llama3.2', false],
    ['constructor', false],
  ])('knows whether %s thinks before it answers: %s', (model, reasoning) => {
    const { models } = modelsFromEnvironment({ baseUrl: 'http://localhost/v1', model });
    expect(models[0].reasoning).toBe(reasoning);
  });

  it('takes a model with thoughts in its text for one that thinks, unless the file says otherwise', () => {
    const tags = `${SMALLEST}    think_tags: open\n`;
    expect(parseModelsFile(tags, {}).models[0].reasoning).toBe(true);
    expect(parseModelsFile(`${tags}    reasoning: false\n`, {}).models[0].reasoning).toBe(false);
  });

  it('leaves room for a prompt in a model that may answer with its whole window', () => {
    const [model] = modelsFromEnvironment({ baseUrl: 'http://localhost/v1', model: 'gpt-oss-20b' }).models;
    expect(model.maxOutputTokens).toBeLessThanOrEqual(model.contextWindow / 2);
  });

  it.each([
    ['ftp://x/v1', 'OPENAI_BASE_URL must be a URL that begins with http:// or https://'],
    ['nonsense', 'OPENAI_BASE_URL must be a URL that begins with http:// or https://'],
    ['https://user:secret@x/v1', 'OPENAI_BASE_URL must not contain credentials'],
    ['https://x/v1?key=1', 'OPENAI_BASE_URL must not have a query or a fragment'],
  ])('refuses the base URL %s', (baseUrl, problem) => {
    expect(() => modelsFromEnvironment({ apiKey: 'x', baseUrl })).toThrow(problem);
  });

  it('refuses OpenAI’s own endpoint without a key', () => {
    expect(() => modelsFromEnvironment({ baseUrl: 'https://api.openai.com/v1' })).toThrow(
      'OPENAI_API_KEY must be set',
    );
  });
});
