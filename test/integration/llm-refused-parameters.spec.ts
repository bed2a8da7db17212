import type { ModelConfig, ModelSettings } from '../../src/config/models-config';
import { OpenAiClient } from '../../src/llm/openai/openai-client';
import { collected, testLimits, testModel, testProvider } from '../support/model-calls';
import { reply, status } from '../support/model-server/behaviours';
import { useModelServer } from '../support/use-model-server';

const server = useModelServer();
let openai: OpenAiClient;

beforeAll(() => {
  openai = new OpenAiClient(testLimits());
});
afterEach(() => server.reset());
afterAll(() => openai.close());

const bodies = () => server.requests.map(({ body }) => body as unknown as Record<string, unknown>);

/** Turns with one model of a provider that nobody has asked before. */
function asking(model: Partial<ModelConfig> = {}) {
  const provider = testProvider(server.url);
  return (settings: ModelSettings, content = 'Hi') =>
    collected((take) =>
      openai.stream(
        { provider, model: testModel(model), messages: [{ role: 'user', content }], settings },
        new AbortController().signal,
        take,
      ),
    );
}

const openAi = (message: string, param: string | null = null, code = 'unsupported_parameter') =>
  status(400, { error: { message, type: 'invalid_request_error', param, code } });

describe('a parameter that a model refuses', () => {
  it.each([
    // https://community.openai.com/t/… and openai/openai-python#2072: reasoning models
    [
      'temperature',
      openAi(
        "Unsupported value: 'temperature' does not support 0.2 with this model. Only the default (1) value is supported.",
        'temperature',
        'unsupported_value',
      ),
    ],
    // BerriAI/litellm#8192: Mistral's pydantic
    [
      'stream_options',
      status(422, {
        object: 'error',
        message: {
          detail: [
            {
              type: 'extra_forbidden',
              loc: ['body', 'stream_options'],
              msg: 'Extra inputs are not permitted',
            },
          ],
        },
        type: 'invalid_request_error',
      }),
    ],
    // Azure, older API versions
    [
      'stream_options',
      openAi('Unrecognized request argument supplied: stream_options', null, 'unknown_parameter'),
    ],
    // danny-avila/LibreChat#9094: Claude
    [
      'top_p',
      status(400, {
        type: 'error',
        error: {
          type: 'invalid_request_error',
          message: '`temperature` and `top_p` cannot both be specified for this model. Please use only one.',
        },
      }),
    ],
    // Gemini's compatible endpoint
    [
      'seed',
      status(400, [
        {
          error: {
            code: 400,
            message: 'Invalid JSON payload received. Unknown name "seed": Cannot find field.',
            status: 'INVALID_ARGUMENT',
          },
        },
      ]),
    ],
    // vLLM
    [
      'reasoning_effort',
      status(400, {
        object: 'error',
        message:
          "[{'type': 'extra_forbidden', 'loc': ('body', 'reasoning_effort'), 'msg': 'Extra inputs are not permitted'}]",
        code: 400,
      }),
    ],
    // BerriAI/litellm#16265, chenyme/grok2api#814
    [
      'reasoning_effort',
      status(400, {
        code: 'Client specified an invalid argument',
        error: 'Model grok-4-latest does not support parameter reasoningEffort.',
      }),
    ],
    // langchain-ai/langchain#38335, as yym68686/uni-api#105 has the words
    [
      'stop',
      status(400, {
        code: 'Client specified an invalid argument',
        error: 'Argument not supported on this model: stop',
      }),
    ],
    // Gitlawb/openclaude#1371: Ollama
    [
      'reasoning_effort',
      status(400, {
        error: {
          message: '"llama3.1:8b" does not support thinking',
          type: 'invalid_request_error',
          param: null,
          code: null,
        },
      }),
    ],
    // Mintplex-Labs/anything-llm#5461: Claude on Bedrock
    [
      'temperature',
      status(400, {
        error: {
          message:
            'The model returned the following errors: {"type":"error","error":{"type":"invalid_request_error","message":"`temperature` is deprecated for this model."}}',
        },
      }),
    ],
    // ai-dynamo/dynamo#4021
    ['seed', status(400, { message: 'Unsupported parameter(s): `seed`', type: 'Bad Request', code: 400 })],
    // aws-samples/bedrock-access-gateway#191
    [
      'top_p',
      status(400, {
        detail:
          'An error occurred (ValidationException) when calling the ConverseStream operation: The model returned the following errors: `temperature` and `top_p` cannot both be specified for this model. Please use only one.',
      }),
    ],
    // llama.cpp
    [
      'stop',
      status(400, {
        error: { code: 400, message: 'Field "stop" is not supported', type: 'invalid_request_error' },
      }),
    ],
  ])('(%s) is left out, once and for all', async (name, refusal) => {
    const ask = asking();
    const settings = { temperature: 0.2, top_p: 0.5, seed: 1, stop: ['x'], reasoning_effort: 'high' };
    server.script(refusal, reply('Yes.'), reply('Yes again.'));
    expect(await ask(settings)).toMatchObject({ text: 'Yes.', code: undefined });
    expect(await ask({ ...settings, temperature: 0.9, seed: 2 })).toMatchObject({ text: 'Yes again.' });
    const [first, second, later] = bodies();
    expect(first).toHaveProperty(name);
    const { [name]: _, ...rest } = first;
    expect(second).toEqual(rest);
    expect(Object.keys(later)).toEqual(Object.keys(rest));
  });

  it('has its limit under the other name', async () => {
    const ask = asking();
    const message =
      "Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead.";
    server.script(openAi(message, 'max_tokens'), reply('Yes.'), reply('Yes.'));
    await ask({ max_output_tokens: 50 });
    await ask({ max_output_tokens: 60 });
    expect(
      bodies().map(({ max_tokens, max_completion_tokens }) => [max_tokens, max_completion_tokens]),
    ).toEqual([
      [50, undefined],
      [undefined, 50],
      [undefined, 60],
    ]);
  });

  it('has no limit at all if it takes neither name', async () => {
    const ask = asking();
    server.script(
      openAi("Unsupported parameter: 'max_tokens'", 'max_tokens'),
      openAi("Unsupported parameter: 'max_completion_tokens'", 'max_completion_tokens'),
      reply('Yes.'),
    );
    expect(await ask({ max_output_tokens: 50 })).toMatchObject({ text: 'Yes.' });
    expect(bodies()[2]).not.toHaveProperty('max_tokens');
    expect(bodies()[2]).not.toHaveProperty('max_completion_tokens');
  });

  it('may be several, one after the other', async () => {
    const ask = asking();
    const settings = { temperature: 0.2, top_p: 0.5, seed: 1 };
    server.script(
      openAi('Unknown parameter: top_p', 'top_p'),
      openAi('Unknown parameter: seed', 'seed'),
      openAi('Unknown parameter: temperature', 'temperature'),
      reply('Yes.'),
    );
    expect(await ask(settings)).toMatchObject({ text: 'Yes.' });
    expect(Object.keys(bodies()[3])).toEqual(['model', 'messages', 'stream', 'stream_options']);
  });

  it('for its value loses only that value, so that nobody else loses the parameter', async () => {
    const ask = asking();
    server.script(
      openAi('Invalid value: temperature must be less than or equal to 1', 'temperature', 'invalid_value'),
      reply('Yes.'),
      reply('Yes.'),
      reply('Yes.'),
    );
    for (const temperature of [1.7, 1.7, 0.7]) await ask({ temperature });
    expect(bodies().map(({ temperature }) => temperature)).toEqual([1.7, undefined, undefined, 0.7]);
  });

  it.each([
    // BerriAI/litellm#10548, aaif-goose/goose#11364: Vertex
    'Unable to submit request because it has a maxOutputTokens value of 65536 but the supported range is from 1 (inclusive) to 65536 (exclusive). Update the value and try again.',
    // nickscamara/open-deep-research#19: DeepSeek
    'Invalid max_tokens value, the valid range of max_tokens is [1, 8192]',
    // open-webui/open-webui#10507: DashScope
    '<400> InternalError.Algo.InvalidParameter: Range of max_tokens should be [1, 8192]',
  ])('is a limit of the answer that is too high, and others still are sent: %s', async (message) => {
    const ask = asking({ outputIsGuessed: true });
    server.script(status(400, { error: { code: 400, message } }), reply('Yes.'), reply('Yes.'));
    for (const max_output_tokens of [65_536, 500]) await ask({ max_output_tokens });
    expect(bodies().map(({ max_tokens }) => max_tokens)).toEqual([65_536, undefined, 500]);
  });

  it('is a value that an effort is called by (ollama/ollama#12561, charmbracelet/crush#2623)', async () => {
    const ask = asking();
    const message = 'think value "medium" is not supported for this model';
    server.script(
      status(400, { error: { message, type: 'api_error', param: null, code: null } }),
      reply('Yes.'),
      reply('Yes.'),
    );
    for (const reasoning_effort of ['medium', 'high']) await ask({ reasoning_effort });
    expect(bodies().map(({ reasoning_effort }) => reasoning_effort)).toEqual(['medium', undefined, 'high']);
  });

  it('is a word of effort that the model does not know, and others still are sent', async () => {
    const ask = asking();
    server.script(
      openAi(
        "Unsupported value: 'reasoning_effort' does not support 'minimal' with this model. Supported values are: 'low', 'medium', and 'high'.",
        'reasoning_effort',
        'unsupported_value',
      ),
      reply('Yes.'),
      reply('Yes.'),
    );
    await ask({ reasoning_effort: 'minimal' });
    await ask({ reasoning_effort: 'high' });
    expect(bodies().map(({ reasoning_effort }) => reasoning_effort)).toEqual(['minimal', undefined, 'high']);
  });

  // lobehub/lobehub#9385, chatboxai/chatbox#2263; BeehiveInnovations/pal-mcp-server#134 through OpenRouter
  it.each([
    openAi('Your organization must be verified to stream this model.', 'stream', 'unsupported_value'),
    status(400, {
      error: {
        code: 400,
        message: 'Provider returned error',
        metadata: {
          raw: '{"error":{"message":"Your organization must be verified to stream this model.","type":"invalid_request_error"}}',
        },
      },
    }),
  ])('is the stream itself: the reply comes as a whole then', async (refusal) => {
    const ask = asking();
    const whole = {
      choices: [{ index: 0, message: { role: 'assistant', content: 'Yes.' }, finish_reason: 'stop' }],
      usage: { prompt_tokens: 3, completion_tokens: 2 },
    };
    server.script(refusal, status(200, whole), status(200, whole));
    for (let turn = 0; turn < 2; turn++)
      expect(await ask({ seed: 1 })).toMatchObject({ text: 'Yes.', finish: { usage: { output_tokens: 2 } } });
    expect(bodies().map(({ stream, stream_options, seed }) => [stream, !!stream_options, seed])).toEqual([
      [true, true, 1],
      [undefined, false, 1],
      [undefined, false, 1],
    ]);
  });

  it('is remembered for its model alone', async () => {
    const provider = testProvider(server.url);
    const ask = (name: string) =>
      collected((take) =>
        openai.stream(
          {
            provider,
            model: testModel({ name }),
            messages: [{ role: 'user', content: 'Hi' }],
            settings: { seed: 1 },
          },
          new AbortController().signal,
          take,
        ),
      );
    server.script(openAi('Unknown parameter: seed', 'seed'), reply('Yes.'), reply('Yes.'));
    await ask('one');
    await ask('other');
    expect(bodies().map(({ model, seed }) => [model, seed])).toEqual([
      ['one', 1],
      ['one', undefined],
      ['other', 1],
    ]);
  });

  it.each([
    ['no parameter', openAi('Something is wrong with this request')],
    [
      'the messages',
      openAi("Invalid value for 'messages[0].content': temperature is not a string", 'messages[0].content'),
    ],
    ['the model', openAi('The model does not support seed', 'model', 'invalid_model')],
    ['a parameter that was not sent', openAi("Unsupported parameter: 'logprobs'", 'logprobs')],
    ['a parameter with a long name around it', openAi('seedling is not supported')],
    ['that a stream is wanted', openAi('This model only supports stream mode')],
    ['thinking in passing', openAi('This thinking model takes no images')],
  ])('is none where %s is named', async (_, refusal) => {
    server.script(refusal);
    expect(await asking()({ seed: 1 })).toMatchObject({ code: 'provider_bad_request' });
    expect(server.requests).toHaveLength(1);
  });

  it('is left out a bounded number of times', async () => {
    const settings = {
      temperature: 0,
      top_p: 0,
      seed: 1,
      stop: ['x'],
      reasoning_effort: 'low',
      max_output_tokens: 5,
    };
    server.otherwise(
      openAi(
        'Unsupported: temperature, top_p, seed, stop, reasoning_effort, max_tokens, max_completion_tokens, stream_options',
      ),
    );
    expect(await asking()(settings)).toMatchObject({ code: 'provider_bad_request' });
    expect(server.requests).toHaveLength(6);
  });
});

describe('what an operator adds to a model', () => {
  it('is in each body, and wins', async () => {
    const ask = asking({ extraBody: { top_k: 5, temperature: 0.1, thinking: { type: 'disabled' } } });
    server.script(reply('Yes.'));
    await ask({ temperature: 1 });
    expect(bodies()[0]).toMatchObject({ top_k: 5, temperature: 0.1, thinking: { type: 'disabled' } });
  });

  it.each([
    ['developer', ['developer: Be kind.', 'user: Hi']],
    ['user', ['user: Be kind.\n\nHi']],
    ['system', ['system: Be kind.', 'user: Hi']],
  ] as const)('is the role %s of the system prompt', async (systemRole, expected) => {
    server.script(reply('Yes.'));
    const messages = [
      { role: 'system' as const, content: 'Be kind.' },
      { role: 'user' as const, content: 'Hi' },
    ];
    const request = {
      provider: testProvider(server.url),
      model: testModel({ systemRole }),
      messages,
      settings: {},
    };
    await collected((take) => openai.stream(request, new AbortController().signal, take));
    expect(server.requests[0].body.messages.map(({ role, content }) => `${role}: ${content}`)).toEqual(
      expected,
    );
  });
});
