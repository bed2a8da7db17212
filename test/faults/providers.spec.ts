import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { ApiClient, type ChatMessage, type Problem, type Turn } from '../support/api-client';
import { type ModelServer, startModelServer } from '../support/model-server';
import { OddProvider, type Told } from './support/odd-provider';
import { IS_LONG, SEED } from './support/options';
import { Random } from './support/random';
import { NO_MODEL, useChatApp } from '../support/use-chat-app';

/*
 * Providers as they really behave: `docs/models.md`. Three of them at random do what each of its paragraphs speaks of, to turns of many conversations
 * that fall back from one to the next.
 */

const TURNS = IS_LONG ? 2_000 : 300;
const CONVERSATIONS = IS_LONG ? 200 : 30;
/** A user works on few requests at once. */
const USERS = 10;
const NAMES = ['first', 'second', 'third'];

const directory = mkdtempSync(join(tmpdir(), 'parley-providers-'));
const servers: ModelServer[] = [];
const told = new Map<string, Told[]>();
let providers: OddProvider[];

// Before the application starts, which reads the file.
beforeAll(async () => {
  for (const _ of NAMES) servers.push(await startModelServer());
  providers = NAMES.map(
    (name, index) => new OddProvider(name, new Random(SEED).child(name), told, servers[index]),
  );
  const models = NAMES.map((name, index) => ({
    id: name,
    provider: name,
    context_window: 8192,
    max_output_tokens: 512,
    think_tags: true,
    fallbacks: NAMES.filter((_other, position) => position !== index),
  }));
  const file = { providers: NAMES.map((name, index) => ({ name, base_url: servers[index].url })), models };
  writeFileSync(join(directory, 'models.json'), JSON.stringify(file));
});

const t = useChatApp(
  { MODELS_FILE: join(directory, 'models.json'), RATE_LIMITS: 'off', LLM_MAX_RETRIES: '1', ...NO_MODEL },
  { own: 'has models of its own' },
);
afterAll(async () => {
  await Promise.all(servers.map((server) => server.close()));
  rmSync(directory, { recursive: true, force: true });
});

interface Attempt {
  provider: string;
  outcome: string;
}
type Reply = ChatMessage & { attempts: Attempt[]; usage: ChatMessage['usage'] & { estimated?: boolean } };

interface Conversation {
  id: string;
  api: ApiClient;
  random: Random;
  turns: number;
}

/** A turn with a mark of its own, which its text begins with; what some of them ask for a filter refuses, some are stopped before a word. */
async function turn({ id, api, random }: Conversation, mark: string): Promise<string | undefined> {
  const wish = random.pick(['', '', '', '', '', '', ' FORBIDDEN', ' SILENCE']);
  const content = `${mark}${wish} ${random.pick(['Hello?', 'आज सुबह हम दुकान गए।', 'Tell me more.', 'x'.repeat(500)])}`;
  const settings = random.chance(0.3) ? { temperature: 0.5, max_output_tokens: 200 } : undefined;
  const asked = api.post<Partial<Turn> & Problem>(`/chat/${id}`, { content, settings });
  if (wish === ' SILENCE') {
    while (!told.get(mark)?.some(({ isSilent }) => isSilent) && !(await isOver(asked))) await sleep(5);
    await api.post(`/chat/${id}/stop`);
  }
  const { status, body, text } = await asked;
  const messageId = body.message?.id ?? body.message_id;
  return messageId ?? `${mark}: ${status} ${text}`;
}

const isOver = (work: Promise<unknown>) => Promise.race([work.then(() => true), sleep(0).then(() => false)]);

/** What is wrong with a stored reply, given what providers told of its turn. */
async function faultsOf(api: ApiClient, mark: string, messageId: string): Promise<string[]> {
  const { status, body: reply } = await api.get<Reply>(`/messages/${messageId}`);
  if (status !== 200) return [`${mark}: ${messageId}`];
  const calls = told.get(mark) ?? [];
  const faults: string[] = [];
  // Nothing of the others was shown: only a call without a word may be followed by another one.
  const answer = calls.find(({ text, thought }) => text || thought);
  const expected = answer?.text.trim() ? answer.text : (answer?.text ?? '');
  if (reply.content !== expected) faults.push(`${mark}: “${reply.content}” instead of “${expected}”`);
  if (answer?.usage && reply.usage?.estimated)
    faults.push(`${mark}: usage is estimated, although the provider said ${JSON.stringify(answer.usage)}`);
  if (answer?.usage && !reply.usage?.estimated) {
    const { input_tokens, output_tokens } = reply.usage;
    if (input_tokens !== answer.usage.input || output_tokens !== answer.usage.output)
      faults.push(`${mark}: usage ${input_tokens}, ${output_tokens}, not ${JSON.stringify(answer.usage)}`);
  }
  return faults.map(
    (fault) =>
      `${fault} (${calls.map(({ provider, did }) => `${provider}: ${did}`).join(', ')}; ${reply.status} ${reply.finish_reason ?? reply.error?.code})`,
  );
}

it(`${TURNS} turns with providers that do all that is known of them (seed ${SEED})`, async () => {
  const random = new Random(SEED);
  const conversations: Conversation[] = [];
  for (let index = 0; index < CONVERSATIONS; index++) {
    const api = ApiClient.of(t.url, `user-${index % USERS}`);
    const system_prompt = index % 2 ? 'Be kind.' : undefined;
    const { id } = await api.conversation({
      model: NAMES[index % NAMES.length],
      ...(system_prompt && { system_prompt }),
    });
    conversations.push({ id, api, random: random.child('conversation', index), turns: 0 });
  }
  const faults: string[] = [];
  const each = TURNS / CONVERSATIONS;
  const work = async (some: Conversation[]) => {
    for (let count = 0; count < each; count++)
      for (const conversation of some) {
        const mark = `#${conversations.indexOf(conversation)}-${count}#`;
        const messageId = await turn(conversation, mark);
        faults.push(...(await faultsOf(conversation.api, mark, messageId ?? '')));
      }
  };
  await Promise.all(
    Array.from({ length: USERS }, (_, user) =>
      work(conversations.filter((_one, index) => index % USERS === user)),
    ),
  );

  // Whatever has happened in a conversation, the next harmless turn is answered.
  for (const provider of providers) provider.isHonest = true;
  for (const { id, api } of conversations) {
    const { status, body, text } = await api.post<Turn>(`/chat/${id}`, { content: '#end# Are you there?' });
    if (status !== 200 || body.response !== 'Yes, I am.') faults.push(`${id}: ${status} ${text}`);
  }
  expect(faults).toEqual([]);
  expect(providers.flatMap(({ complaints }) => complaints)).toEqual([]);
  // Each provider has seen each kind, which is what makes this worth its time.
  if (IS_LONG) for (const provider of providers) expect(provider.unseen).toEqual([]);
  const attempts = [...told.values()].flat().length;
  expect(attempts).toBeGreaterThan(TURNS);
}, 1_800_000);
