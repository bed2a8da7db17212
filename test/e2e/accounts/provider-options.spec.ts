import { STORAGE_BOUNDS } from '../../../src/config/bounds';
import { reply } from '../../support/model-server/behaviours';
import { useChatApp } from '../../support/use-chat-app';

interface Provider {
  id: string;
  stream_usage: boolean;
  model_options: Record<string, object>;
}

const t = useChatApp(
  {
    ENCRYPTION_KEY: Buffer.alloc(32, 7).toString('base64'),
    PROVIDER_ALLOWED_HOSTS: '127.0.0.1',
  },
  { own: 'checks the requests of providers that users have added' },
);
const { model } = t;
const alice = t.client('alice');
afterEach(() => model.reset());

const body = (more: object = {}) => ({
  name: 'mine',
  base_url: model.url,
  api_key: 'sk-own-0123456789',
  models: ['llama', 'other'],
  ...more,
});
const asked = () => model.requests.at(-1)?.body as unknown as Record<string, unknown>;

describe('options of own providers', () => {
  it('are what the operator can say in the file of models', async () => {
    const model_options = {
      llama: {
        display_name: 'Llama',
        context_window: 8192,
        max_output_tokens: 512,
        settings: { temperature: 0.6, reasoning_effort: 'max' },
        unsupported_settings: ['seed'],
        max_tokens_field: 'max_completion_tokens',
        system_role: 'user',
        extra_body: { top_k: 40, chat_template_kwargs: { enable_thinking: false } },
        continuation: 'prefill',
        think_tags: true,
      },
    };
    const made = await alice.post<Provider>('/providers', body({ stream_usage: false, model_options }));
    expect([made.status, made.body]).toEqual([
      201,
      expect.objectContaining({ stream_usage: false, model_options }),
    ]);
    const listed = await alice.get<{ data: { id: string }[] }>('/models');
    expect(listed.body.data.find(({ id }) => id === 'mine/llama')).toMatchObject({
      name: 'Llama',
      context_window: 8192,
      max_output_tokens: 512,
      reasoning: true,
    });
    model.script(reply('<think>Hm.</think>Yes.'));
    const { id } = await alice.conversation({ system_prompt: 'Be kind.', model: 'mine/llama' });
    const said = await alice.say(id, 'Hi', { settings: { seed: 1, max_output_tokens: 9_999 } });
    expect(said.response).toBe('Yes.');
    expect(asked()).toEqual({
      model: 'llama',
      messages: [{ role: 'user', content: 'Be kind.\n\nHi' }],
      stream: true,
      temperature: 0.6,
      reasoning_effort: 'max',
      max_completion_tokens: 512,
      top_k: 40,
      chat_template_kwargs: { enable_thinking: false },
    });
  });

  it('are not what every object has: models have any name', async () => {
    const models = ['constructor', 'toString', '__proto__'];
    const { status, body: made } = await alice.post<Provider>('/providers', body({ name: 'odd', models }));
    expect(status).toBe(201);
    const listed = await alice.get<{ data: { id: string }[] }>('/models');
    expect(listed.body.data.map(({ id }) => id)).toEqual(
      expect.arrayContaining(models.map((name) => `odd/${name}`)),
    );
    for (const name of models) {
      model.script(reply('Hi.'));
      const turn = await alice.post('/chat', { content: 'Hello', model: `odd/${name}` });
      expect([name, turn.status, asked().model]).toEqual([name, 200, name]);
    }
    expect((await alice.delete(`/providers/${made.id}`)).status).toBe(204);
  });

  it('are changed, and hold from the next turn on', async () => {
    const [mine] = (await alice.get<{ data: Provider[] }>('/providers')).body.data;
    const { id } = await alice.conversation({ model: 'mine/other' });
    model.otherwise(reply('Yes.'));
    await alice.say(id, 'Hi');
    expect(asked()).toEqual({ model: 'other', messages: expect.any(Array), stream: true });
    const options = { stream_usage: true, model_options: { other: { settings: { temperature: 1 } } } };
    const changed = await alice.patch<Provider>(`/providers/${mine.id}`, options);
    expect([changed.status, changed.body]).toEqual([200, expect.objectContaining(options)]);
    await alice.say(id, 'Again');
    expect(asked()).toMatchObject({ temperature: 1, stream_options: { include_usage: true } });
    const renamed = await alice.patch<Provider>(`/providers/${mine.id}`, {
      name: 'ours',
      model_options: null,
    });
    expect(renamed.body).toMatchObject(options);
    await alice.patch(`/providers/${mine.id}`, { name: 'mine' });
  });

  it.each([
    ['another field', { llama: { price: { input: 0, output: 0 } } }, 'model_options.llama.price'],
    ['fallbacks to models of the operator', { llama: { fallbacks: ['x'] } }, 'model_options.llama.fallbacks'],
    ['a wrong type', { llama: { context_window: '8k' } }, 'model_options.llama.context_window'],
    [
      'a wrong value',
      { llama: { settings: { temperature: 9 } } },
      'model_options.llama.settings.temperature',
    ],
    [
      'too large a window',
      { llama: { context_window: STORAGE_BOUNDS.ownWindow.limit + 1 } },
      'model_options.llama.context_window',
    ],
    ['messages of its own', { llama: { extra_body: { messages: [] } } }, 'model_options.llama.extra_body'],
    ['a stream of its own', { llama: { extra_body: { stream: false } } }, 'model_options.llama.extra_body'],
    ['no object', { llama: 5 }, 'model_options.llama'],
    ['no name', { 'so so\n': {} }, 'model_options'],
    [
      'much text',
      { llama: { extra_body: { a: 'x'.repeat(STORAGE_BOUNDS.modelOptions.limit) } } },
      'model_options',
    ],
    [
      'many models',
      Object.fromEntries(
        Array.from({ length: STORAGE_BOUNDS.modelsOfProvider.limit + 1 }, (_, n) => [`m${n}`, {}]),
      ),
      'model_options',
    ],
    ['a list', [], 'model_options'],
  ])('with %s are refused by name', async (_, model_options, path) => {
    const answer = await alice.post('/providers', body({ name: 'refused', model_options }));
    expect([answer.status, answer.body.code, answer.body.errors?.[0].path]).toEqual([
      400,
      'validation_failed',
      path,
    ]);
    const [mine] = (await alice.get<{ data: Provider[] }>('/providers')).body.data;
    expect((await alice.patch(`/providers/${mine.id}`, { model_options })).status).toBe(400);
  });

  it.each(['no', 1])('ask for counts, or not: %s is neither', async (stream_usage) => {
    const answer = await alice.post('/providers', body({ name: 'refused', stream_usage }));
    expect([answer.status, answer.body.errors?.[0].path]).toEqual([400, 'stream_usage']);
  });
});
