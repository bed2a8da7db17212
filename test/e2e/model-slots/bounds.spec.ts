import { REPLY_BOUNDS } from '../../../src/config/bounds';
import { ApiClient } from '../../support/api-client';
import { reply } from '../../support/model-server/behaviours';
import { hold } from '../../support/model-server/gate';
import { modelsEnv } from '../../support/models-file';
import { useChatApp } from '../../support/use-chat-app';

const t = useChatApp((server) => modelsEnv(server, '{id: one, max_concurrent: 1}', '{id: free}'), {
  own: 'has models of its own',
});
const { model } = t;
afterEach(() => vi.restoreAllMocks());

const lower = (bound: 'waitingForModel' | 'waitingForModelOfUser', limit: number) =>
  vi.spyOn<{ limit: number }, 'limit'>(REPLY_BOUNDS[bound], 'limit', 'get').mockReturnValue(limit);
const start = (user: string, content = 'Hi') =>
  ApiClient.of(t.url, user).open('POST', '/chat', { content, model: 'one' });

it.each([
  ['waitingForModelOfUser', ['ann', 'ann', 'ann'], 'ben'],
  ['waitingForModel', ['ann', 'ben', 'cat'], undefined],
] as const)('no more than %s wait, and nothing is stored of a turn beyond', async (bound, users, other) => {
  const gate = hold();
  model.script(reply(['First', gate]));
  const running = await (await start('zoe')).count(2);
  lower(bound, 2);
  const readers = [await start(users[0]), await start(users[1])];
  const last = ApiClient.of(t.url, users[2]);
  const before = (await last.get<{ data: unknown[] }>('/conversations')).body.data.length;
  const refused = await last.post('/chat', { content: 'Too much', model: 'one' });
  expect([refused.status, refused.body.code]).toEqual([409, 'queue_full']);
  const { id } = await last.conversation({ model: 'one' });
  const inConversation = await last.post(`/chat/${id}`, { content: 'Too much', on_busy: 'queue' });
  expect([inConversation.status, inConversation.body.code]).toEqual([409, 'queue_full']);
  expect(await last.history(id)).toEqual([]);
  expect((await last.get<{ data: unknown[] }>('/conversations')).body.data).toHaveLength(before + 1);
  await last.say(id, 'Of another model', { model: 'free' });
  if (other) readers.push(await start(other));
  gate.release();
  for (const reader of [running, ...readers]) expect((await reader.done()).end.finish_reason).toBe('stop');
});
