import type { LlmErrorCode } from '../llm-error';
import { chunkError } from './chunk';
import { reportedFailure, requestFailure } from './provider-failure';
import { ProviderRefusal } from './provider-refusal';
import { Scrubber } from './scrubber';

const scrub = new Scrubber({ apiKey: 'sk-secret-1234', headers: {} } as ConstructorParameters<
  typeof Scrubber
>[0]);

/** The wordings of providers and servers, as their documentation, sources and public bug reports have them. */
const REFUSALS: Record<string, [from: string, status: number, body: unknown][]> = {
  context_length_exceeded: [
    [
      'OpenAI',
      400,
      {
        error: {
          message:
            "This model's maximum context length is 8192 tokens. However, your messages resulted in 9000 tokens.",
          code: 'context_length_exceeded',
        },
      },
    ],
    [
      'Anthropic',
      400,
      {
        type: 'error',
        error: {
          type: 'invalid_request_error',
          message: 'prompt is too long: 208310 tokens > 200000 maximum',
        },
      },
    ],
    [
      'Anthropic',
      400,
      {
        error: {
          type: 'invalid_request_error',
          message: 'input length and `max_tokens` exceed context limit: 199211 + 20000 > 200000',
        },
      },
    ],
    [
      'Gemini',
      400,
      [
        {
          error: {
            code: 400,
            message:
              'The input token count (1200000) exceeds the maximum number of tokens allowed (1048575).',
            status: 'INVALID_ARGUMENT',
          },
        },
      ],
    ],
    [
      'vLLM',
      400,
      {
        object: 'error',
        message: 'The decoder prompt (length 5000) is longer than the maximum model length of 4096.',
        type: 'BadRequestError',
        code: 400,
      },
    ],
    [
      'llama.cpp',
      400,
      {
        error: {
          code: 400,
          message: 'the request exceeds the available context size, try increasing it',
          type: 'exceed_context_size_error',
        },
      },
    ],
    [
      'llama.cpp',
      500,
      {
        error: {
          code: 500,
          message: 'input is too large to process. increase the physical batch size',
          type: 'server_error',
        },
      },
    ],
    ['Ollama', 400, { error: 'the input length exceeds the context length' }],
    [
      'TGI',
      422,
      {
        error: 'Input validation error: `inputs` tokens + `max_new_tokens` must be <= 4096',
        error_type: 'validation',
      },
    ],
    ['Bedrock', 400, { message: 'Input is too long for requested model.' }],
    [
      'Mistral',
      400,
      {
        object: 'error',
        message:
          'Prompt contains 40000 tokens and 0 draft tokens, too large for model with 32768 maximum context length',
        type: 'invalid_request_prompt',
      },
    ],
    ['Cohere', 400, { message: 'too many tokens: total number of tokens in the prompt cannot exceed 4081' }],
    ['DashScope', 400, { code: 'InvalidParameter', message: 'Range of input length should be [1, 30720]' }],
    [
      'Moonshot',
      400,
      {
        error: {
          message: 'Invalid request: Your request exceeded model token limit: 8192',
          type: 'invalid_request_error',
        },
      },
    ],
    [
      'xAI',
      400,
      {
        code: 'Client specified an invalid argument',
        error: "This model's maximum prompt length is 131072 but the request contains 150000 tokens.",
      },
    ],
    ['Zhipu', 400, { error: { code: '1261', message: 'Prompt 超长' } }],
    ['MiniMax', 200, { base_resp: { status_code: 1039, status_msg: 'token limit exceeded' } }],
    [
      'OpenRouter',
      400,
      {
        error: {
          code: 400,
          message: 'Provider returned error',
          metadata: {
            raw: '{"error":{"message":"This endpoint\'s maximum context length is 32768 tokens"}}',
            provider_name: 'X',
          },
        },
      },
    ],
    [
      'SGLang',
      400,
      {
        object: 'error',
        message: "The input (9000 tokens) is longer than the model's context length (8192 tokens).",
        type: 'BadRequestError',
      },
    ],
    [
      'LM Studio',
      400,
      { error: 'The number of tokens to keep from the initial prompt is greater than the context length.' },
    ],
    [
      'OpenAI behind a gateway',
      400,
      { error: { message: 'Input tokens exceed the configured limit of 272000 tokens.', code: '400' } },
    ],
    [
      'Azure',
      400,
      {
        error: {
          message:
            'Input tokens exceed the configured limit of 272000 tokens. Your messages resulted in 509178 tokens. Please reduce the length of the messages.',
        },
      },
    ],
    ['Perplexity', 400, { error: { message: 'The total length of all messages is too long.' } }],
    [
      'MiniMax',
      400,
      {
        error: { message: 'invalid params, context window exceeds limit (2013)', type: 'bad_request_error' },
      },
    ],
    [
      'GitHub Copilot',
      400,
      { error: { message: 'prompt token count of 135678 exceeds the limit of 128000' } },
    ],
    ['RKLLM', 400, { error: 'Prompt is 11543 tokens but the model context window is 4096 tokens.' }],
    [
      'DashScope',
      400,
      {
        error: {
          code: 'invalid_parameter_error',
          message: '<400> InternalError.Algo.InvalidParameter: Range of input length should be [1, 204800]',
        },
      },
    ],
    [
      'Anthropic behind a gateway that answers with the text of its error',
      500,
      JSON.stringify({
        type: 'error',
        error: {
          type: 'invalid_request_error',
          message: 'prompt is too long: 203052 tokens > 200000 maximum',
        },
      }),
    ],
    ['Zed', 403, { message: 'Context window exceeded: 120002 tokens exceeds the limit of 120000 tokens' }],
  ],
  content_filter: [
    [
      'OpenAI behind a gateway',
      400,
      {
        error: {
          message: "Invalid prompt: we've limited access to this content for safety reasons.",
          type: 'invalid_request_error',
          code: null,
        },
      },
    ],
    [
      'OpenAI',
      400,
      { error: { message: 'This content was flagged for possible cybersecurity risk.', code: null } },
    ],
    [
      'Anthropic',
      400,
      {
        error: {
          message: 'The model has safety measures that flagged this message for a cybersecurity topic.',
        },
      },
    ],
    ['a gateway', 400, { error: { message: 'The request was blocked by safety settings.' } }],
    [
      'Azure',
      400,
      {
        error: {
          message:
            "The response was filtered due to the prompt triggering Azure OpenAI's content management policy.",
          code: 'content_filter',
          innererror: { code: 'ResponsibleAIPolicyViolation' },
        },
      },
    ],
    [
      'Azure',
      400,
      { error: { message: 'Bad.', code: null, innererror: { code: 'ResponsibleAIPolicyViolation' } } },
    ],
    [
      'OpenAI',
      400,
      {
        error: {
          message: 'Invalid prompt: your prompt was flagged as potentially violating our usage policy.',
          code: 'invalid_prompt',
        },
      },
    ],
    [
      'OpenAI',
      400,
      {
        error: {
          message: 'Your request was rejected as a result of our safety system.',
          type: 'invalid_request_error',
          code: null,
        },
      },
    ],
    [
      'DashScope',
      400,
      { error: { code: 'data_inspection_failed', message: 'Input data may contain inappropriate content.' } },
    ],
    ['DashScope', 400, { message: 'Output data may contain inappropriate content.' }],
    [
      'DeepSeek',
      400,
      {
        error: {
          message: 'Content Exists Risk',
          type: 'invalid_request_error',
          code: 'invalid_request_error',
        },
      },
    ],
    [
      'Moonshot',
      400,
      {
        error: {
          message: 'The request was rejected because it was considered high risk',
          type: 'content_filter',
        },
      },
    ],
    ['Zhipu', 400, { error: { code: '1301', message: '系统检测到输入或生成内容可能包含不安全或敏感内容' } }],
    ['MiniMax', 200, { base_resp: { status_code: 1026, status_msg: 'input new_sensitive' } }],
    [
      'OpenRouter',
      403,
      {
        error: {
          code: 403,
          message: 'Your chosen model requires moderation and your input was flagged for "violence"',
          metadata: { reasons: ['violence'] },
        },
      },
    ],
    [
      'Anthropic',
      400,
      { error: { type: 'invalid_request_error', message: 'Output blocked by content filtering policy' } },
    ],
    ['Volcengine', 400, { error: { code: 'InputTextSensitiveContentDetected', message: 'Refused.' } }],
    [
      'StepFun',
      451,
      {
        error: {
          message: 'The content you provided or machine outputted is blocked.',
          type: 'censorship_blocked',
        },
      },
    ],
    [
      'xAI',
      403,
      { code: 'The caller does not have permission', error: 'Content violates usage guidelines.' },
    ],
    ['a gateway', 500, { errors: [{ detail: 'Upstream: the prompt was flagged by the moderation' }] }],
  ],
  provider_model_not_found: [
    ['OpenAI', 404, { error: { message: 'The model `gpt-9` does not exist', code: 'model_not_found' } }],
    [
      'Azure',
      404,
      {
        error: {
          code: 'DeploymentNotFound',
          message: 'The API deployment for this resource does not exist.',
        },
      },
    ],
    ['Ollama', 404, { error: { message: 'model "x" not found, try pulling it first' } }],
  ],
  provider_bad_request: [
    ['FastAPI', 404, { detail: 'Not Found' }],
    ['Express', 404, 'Cannot POST /v1/v1/chat/completions'],
    ['Ollama', 404, '404 page not found'],
    [
      'Ollama',
      400,
      {
        error: {
          message: 'think value "medium" is not supported for this model',
          type: 'api_error',
          param: null,
          code: null,
        },
      },
    ],
    ['a local server', 404, { message: 'Invalid URL (POST /chat/completions)' }],
    [
      'OpenAI',
      404,
      {
        error: {
          message: 'Invalid URL (POST /v1/chat/completions/chat/completions)',
          type: 'invalid_request_error',
          param: null,
          code: null,
        },
      },
    ],
    [
      'OpenAI',
      400,
      {
        error: {
          message: 'max_tokens is too large: 100000. This model supports at most 16384 completion tokens.',
          type: 'invalid_request_error',
        },
      },
    ],
    [
      'OpenAI',
      400,
      {
        error: {
          message: "Unsupported parameter: 'temperature' is not supported with this model.",
          code: 'unsupported_parameter',
        },
      },
    ],
  ],
  provider_rate_limited: [
    [
      'Groq',
      413,
      {
        error: {
          message: 'Request too large for model `x` on tokens per minute (TPM): Limit 6000, Requested 9000',
          type: 'tokens',
          code: 'rate_limit_exceeded',
        },
      },
    ],
    [
      'a gateway',
      429,
      {
        error: {
          message: 'Too many requests: token limit per minute, see our usage policy and content policy',
        },
      },
    ],
    ['vLLM', 429, { error: 'context limit of your plan reached, tokens per minute' }],
  ],
};

const rows = Object.entries(REFUSALS).flatMap(([code, all]) =>
  all.map((row) => [code as LlmErrorCode, ...row] as const),
);

describe('the refusal', () => {
  it.each(rows)('%s: %s %i %j', (code, _from, status, body) => {
    const failure =
      status === 200
        ? reportedFailure(chunkError(body), scrub)
        : requestFailure(apiError(status, body), scrub);
    expect(failure.code).toBe(code);
    // Inside a stream there is no status but what the error itself says.
    if (!['provider_bad_request', 'provider_model_not_found'].includes(code) && status !== 429)
      expect(reportedFailure(body, scrub).code).toBe(code);
  });

  it.each([
    ['llama.cpp', { error: { code: 503, message: 'Loading model', type: 'unavailable_error' } }],
    ['Hugging Face', { error: 'Model ZeroWw/Mistral-7B-Instruct-v0.3.int8 is currently loading' }],
    [
      'a server before llama.cpp',
      {
        error: {
          code: 1,
          message: "Request processing failed: Error code: 503 - {'error': {'message': 'Loading model'}}",
        },
      },
    ],
    ['Ollama', { error: 'unexpected server status: llm server loading model' }],
  ])('of %s, that it loads the model, is known for that, also inside of a stream', (_from, body) => {
    for (const failure of [
      requestFailure(apiError(503, body), scrub),
      reportedFailure(chunkError(body), scrub),
    ])
      expect(failure).toMatchObject({ code: 'provider_unavailable', detail: { reason: 'loading' } });
  });

  it.each<[string, number, object, number]>([
    [
      'Gemini',
      429,
      {
        error: {
          code: 429,
          message: 'You exceeded your current quota.',
          details: [
            { '@type': 'type.googleapis.com/google.rpc.QuotaFailure', violations: [] },
            { '@type': 'type.googleapis.com/google.rpc.RetryInfo', retryDelay: '45.837906927s' },
          ],
        },
      },
      45_838,
    ],
    [
      'Hugging Face',
      503,
      {
        error: 'Model mrm8488/t5-base-finetuned-emotion is currently loading',
        estimated_time: 35.6677131652832,
      },
      35_668,
    ],
    [
      'vMLX',
      503,
      { error: { message: 'The model failed to load', code: 'model_load_timeout' }, retry_after: 30 },
      30_000,
    ],
    [
      'Groq',
      429,
      { error: { message: 'Rate limit reached: Limit 100000, Used 97050. Please try again in 9m38.016s.' } },
      578_016,
    ],
  ])('of %s says what to wait', (_from, status, body, ms) => {
    expect(requestFailure(apiError(status, body), scrub).retryAfterMs).toBe(ms);
    expect(reportedFailure(body, scrub).retryAfterMs).toBe(ms);
  });

  it.each([
    [{ retry_after: -1 }],
    [{ retry_after: 'soon' }],
    [{ retry_after: null, estimated_time: {} }],
    [{ retryDelay: '9'.repeat(1_000) }],
  ])('says nothing of a wait by %j', (body) => {
    expect(reportedFailure({ message: 'Busy.', ...body }, scrub).retryAfterMs).toBeUndefined();
  });

  it.each([
    ['prompt is too long: 200000 tokens > 100000 maximum', 0.45],
    ['claude-sonnet-4-20250514: prompt is too long: 200000 tokens > 100000 maximum', 0.45],
    ['The input token count (25270) exceeds the maximum number of tokens allowed (4000).', 0.142],
    ['the request exceeds the available context size', undefined],
  ])('of a length tells how much of it fits: %s', (message, share) => {
    const { fittingShare } = reportedFailure({ message, code: 'context_length_exceeded' }, scrub);
    if (share === undefined) expect(fittingShare).toBeUndefined();
    else expect(fittingShare).toBeCloseTo(share, 3);
  });

  it('of hostile words takes no time', () => {
    const began = performance.now();
    for (const piece of [
      'violat',
      'model ',
      'safety measures ',
      'retry 1m',
      'token count ',
      'content ',
      'prompt is ',
      '{"error":',
      'flagged as ',
    ])
      requestFailure(
        apiError(400, { error: { message: piece.repeat(64_000 / piece.length), code: piece.repeat(1_000) } }),
        scrub,
      );
    expect(performance.now() - began).toBeLessThan(2_000);
  });

  it.each([
    [
      'in a choice',
      {
        choices: [
          { index: 0, delta: { content: '' }, finish_reason: 'error', error: { code: 502, message: 'Gone' } },
        ],
      },
    ],
    ['in a list', [{ error: { code: 502, message: 'Gone' } }]],
    ['beside', { base_resp: { status_code: 502, status_msg: 'Gone' }, choices: null }],
  ])('is found %s', (_, chunk) => {
    expect(reportedFailure(chunkError(chunk), scrub)).toMatchObject({
      code: 'provider_unavailable',
      providerText: 'Gone',
    });
  });

  it('is none where a provider says that all is well', () => {
    expect(chunkError({ base_resp: { status_code: 0, status_msg: '' }, choices: [] })).toBeUndefined();
    expect(chunkError({ error: null, choices: [{ error: null }] })).toBeUndefined();
  });
});

function apiError(status: number, body: unknown): ProviderRefusal {
  return new ProviderRefusal(status, new Headers(), typeof body === 'string' ? body : JSON.stringify(body));
}
