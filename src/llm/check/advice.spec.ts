import { testProvider } from '../../../test/support/model-calls';
import type { ProviderConfig } from '../../config/models-config';
import { LlmError, type LlmErrorCode, type LlmErrorOptions } from '../llm-error';
import { adviceFor } from './advice';
import { likelyBaseUrls } from './base-urls';
import type { FailedCheck } from './failed-check';

const OWN = { guarded: { userId: 'alice' } };
const auth = (status = 401, words?: string) =>
  failed('provider_auth_failed', { detail: { status }, providerText: words });
const bad = (status: number, words?: string) =>
  failed('provider_bad_request', { detail: { status }, providerText: words });
const network = (reason: string) => failed('provider_unreachable', { detail: { reason } });
const unknownModel = (model: string, listed?: string[]) => ({
  model,
  listed,
  ...failed('provider_model_not_found', { detail: { status: 404 } }),
});

function failed(code: LlmErrorCode, options: LlmErrorOptions = {}) {
  return { error: new LlmError(code, options) };
}

function advise(
  baseUrl: string,
  check: Partial<FailedCheck>,
  provider: Partial<ProviderConfig> = {},
): string {
  const error = new LlmError('provider_unavailable', { detail: { status: 500 } });
  return adviceFor({ provider: testProvider(baseUrl, provider), model: 'gpt', error, ...check });
}

describe('what is wrong with a key', () => {
  it.each<[string, RegExp]>([
    ['"sk-1234"', /quotes/],
    ["'sk-1234'", /quotes/],
    ['“sk-1234”', /quotes/],
    ['Bearer sk-1234', /"Bearer"/],
    ['bearer:sk-1234', /"Bearer"/],
    ['OPENAI_API_KEY=sk-1234', /name of a variable/],
    ['sk-12 34', /white space/],
    ['sk-…1234', /hidden/],
    ['sk-abc***1234', /hidden/],
    ['<your key>', /placeholder/],
    ['your-api-key', /placeholder/],
    ['$OPENAI_API_KEY', /placeholder/],
    ['sk-ant-1234', /of Anthropic, but the base URL is that of OpenAI/],
    ['sk-proj-1234', /still valid\?$/],
  ])('%s', (apiKey, expected) => {
    const advice = advise('https://api.openai.com/v1', auth(), { apiKey });
    expect(advice).toMatch(expected);
    expect(advice).not.toContain(apiKey);
  });

  it('none', () => {
    expect(advise('http://vllm:8000/v1', auth(), { apiKey: undefined })).toMatch(/none is set/);
    expect(
      advise('https://x.openai.azure.com/openai/v1', auth(), {
        apiKey: undefined,
        headers: { 'api-key': 'k' },
      }),
    ).toMatch(/headers/);
  });

  it('its region, its rights, the place of the server', () => {
    expect(advise('https://dashscope.aliyuncs.com/compatible-mode/v1', auth())).toMatch(/dashscope-intl/);
    expect(advise('https://api.example.com/v1', auth(403))).toMatch(/rights/);
    expect(
      advise('https://api.openai.com/v1', auth(403, 'Country, region, or territory not supported')),
    ).toMatch(/place/);
  });
});

describe('what is wrong with a base URL', () => {
  it.each<[string, Partial<FailedCheck>, RegExp]>([
    ['https://h/v1/chat/completions', bad(404), /ends with \/chat\/completions.*: use https:\/\/h\/v1$/],
    ['https://h/v1/chat/completions/chat/completions', bad(404), /: use https:\/\/h\/v1$/],
    ['https://h/v1/responses', bad(404), /: use https:\/\/h\/v1$/],
    [
      'http://h:11434',
      { ...bad(404), answersAt: 'http://h:11434/v1' },
      /lacks \/v1: use http:\/\/h:11434\/v1$/,
    ],
    ['https://openrouter.ai/v1', bad(404), /use https:\/\/openrouter\.ai\/api\/v1$/],
    ['https://h/chat', bad(404, 'page not found'), /mostly ends with \/v1/],
    [
      'https://h',
      failed('provider_invalid_response', { detail: { status: 200, reason: 'not_json' } }),
      /no chat completions/,
    ],
    [
      'http://h:1234',
      failed('provider_unavailable', {
        detail: { status: 200 },
        providerText: 'Unexpected endpoint or method.',
      }),
      /no chat completions/,
    ],
    [
      'http://h',
      failed('provider_invalid_response', { detail: { status: 308 } }),
      /https:\/\/ in place of http:\/\//,
    ],
  ])('%s', (baseUrl, check, expected) => {
    expect(advise(baseUrl, check)).toMatch(expected);
  });

  it('which others are likely, on the same origin', () => {
    expect(likelyBaseUrls('http://h:1/v1')).toEqual([]);
    expect(likelyBaseUrls('http://h:1')).toEqual(['http://h:1/v1']);
    expect(likelyBaseUrls('http://h:1/v1/chat/completions')).toEqual(['http://h:1/v1']);
    expect(likelyBaseUrls('https://api.groq.com/v1')).toEqual(['https://api.groq.com/openai/v1']);
    expect(likelyBaseUrls('https://my.openai.azure.com/openai/deployments/gpt')).toEqual([
      'https://my.openai.azure.com/openai/deployments/gpt/v1',
    ]);
    expect(likelyBaseUrls('https://h/v1/models')).toEqual(['https://h/v1']);
  });
});

describe('what is wrong with the name of a model', () => {
  const listed = ['gpt-5', 'gpt-5-mini', 'gpt-4o', 'openai/o3', 'llama3.2:3b', 'tts-1'];

  it.each([
    ['gpt-5-mni', 'gpt-5-mini, gpt-5'],
    ['GPT-4o', 'gpt-4o'],
    ['o3', 'openai/o3'],
    ['llama3.2', 'llama3.2:3b'],
    ['gpt-4o-2024-08-06', 'gpt-4o'],
  ])('%s', (model, near) => {
    expect(advise('https://h/v1', unknownModel(model, listed))).toBe(
      `The provider has no model ${model}. Its names are like this: ${near}`,
    );
  });

  it('nothing like it', () => {
    expect(advise('https://h/v1', unknownModel('deepseek-reasoner', listed))).toMatch(
      /It has: gpt-5, .*, …$/,
    );
    expect(advise('https://h/v1', unknownModel('qwen3'))).toMatch(/Look its name up/);
    expect(advise('http://h:11434/v1', unknownModel('qwen3', []))).toMatch(/ollama pull qwen3$/);
    expect(advise('https://x.openai.azure.com/openai/v1', unknownModel('gpt'))).toMatch(/deployment/);
  });

  it('it is there, and not for this key', () => {
    expect(advise('https://h/v1', unknownModel('gpt-5', listed))).toMatch(/ask for access/);
  });

  it('another word for it', () => {
    expect(advise('https://h/v1', { model: 'x-y-z', listed, ...bad(400, 'Invalid value.') })).toMatch(
      /no model x-y-z/,
    );
  });
});

describe('why a provider is not reached', () => {
  it.each<[string, string, RegExp]>([
    [
      'http://127.0.0.1:11434/v1',
      'ECONNREFUSED',
      /container.*: use http:\/\/host\.docker\.internal:11434\/v1$/,
    ],
    ['http://localhost:8000/v1', 'ECONNREFUSED', /host\.docker\.internal:8000/],
    ['http://[::1]:8000/v1', 'ECONNREFUSED', /host\.docker\.internal:8000/],
    ['http://host.docker.internal:11434/v1', 'ECONNREFUSED', /OLLAMA_HOST/],
    ['http://vllm:8000/v1', 'ECONNREFUSED', /Nothing listens at vllm:8000/],
    ['https://api.opnai.com/v1', 'ENOTFOUND', /api\.opnai\.com is not known/],
    ['https://db.internal/v1', 'ADDRESS_NOT_ALLOWED', /PROVIDER_ALLOWED_HOSTS/],
    ['https://h/v1', 'DEPTH_ZERO_SELF_SIGNED_CERT', /NODE_EXTRA_CA_CERTS/],
    ['https://h/v1', 'CERT_HAS_EXPIRED', /expired/],
    ['https://h/v1', 'ERR_TLS_CERT_ALTNAME_INVALID', /another name/],
    ['https://h:8000/v1', 'ERR_SSL_WRONG_VERSION_NUMBER', /http:\/\/ in place/],
    ['http://h:443/v1', 'UND_ERR_SOCKET', /https:\/\/ in place/],
    ['https://h/v1', 'UND_ERR_CONNECT_TIMEOUT', /firewalls/],
    ['https://h/v1', 'EHOSTUNREACH', /firewalls/],
    ['https://h/v1', 'E_STRANGE', /cannot be reached/],
  ])('%s: %s', (baseUrl, reason, expected) => {
    expect(advise(baseUrl, network(reason))).toMatch(expected);
  });

  it('does not speak of containers to users', () => {
    expect(advise('http://127.0.0.1:11434/v1', network('ECONNREFUSED'), OWN)).not.toContain('container');
  });
});

describe('what else', () => {
  it.each<[Partial<FailedCheck>, RegExp]>([
    [failed('provider_rate_limited', { detail: { status: 402 } }), /billing/],
    [failed('provider_rate_limited', { detail: { status: 429, reason: 'insufficient_quota' } }), /billing/],
    [
      failed('provider_rate_limited', { detail: { status: 429 }, providerText: 'Slow down.' }),
      /higher limit/,
    ],
    [failed('provider_unavailable', { detail: { status: 503, reason: 'loading' } }), /in a minute/],
    [failed('provider_timeout'), /loading/],
    [failed('provider_overloaded'), /later/],
    [failed('provider_unavailable', { detail: { status: 502 } }), /failed \(502\)/],
    [
      failed('provider_unavailable', { detail: { status: 200 }, providerText: 'GPU on fire' }),
      /not available/,
    ],
    [failed('upstream_empty', { detail: { status: 200 } }), /without a word/],
    [failed('content_filter'), /filter/],
    [
      bad(400, 'This is not a chat model and thus not supported in the v1/chat/completions endpoint.'),
      /not made for chat/,
    ],
    [
      bad(400, "Unsupported parameter: 'max_tokens'. Use 'max_completion_tokens' instead."),
      /max_tokens_field/,
    ],
    [bad(400, 'Unrecognized request argument supplied: stream_options'), /stream_usage: false/],
    [bad(422, "Unsupported value: 'temperature' does not support 0.5"), /unsupported_settings/],
    [bad(400, 'Something else'), /its words say why/],
    [failed('max_output'), /longest length/],
  ])('%#', (check, expected) => {
    expect(advise('https://h/v1', check)).toMatch(expected);
  });

  it('names no settings to users that only operators have', () => {
    expect(advise('https://h/v1', bad(400, 'Use max_completion_tokens.'), OWN)).not.toContain(
      'max_tokens_field',
    );
  });
});
