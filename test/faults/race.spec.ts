import { checkReplies } from './support/checks';
import { readEvents } from './support/event-reader';
import { bodyOf, open } from './support/http';
import { rounds, SEED } from './support/options';
import { contentOf, type ReplyPlan, textOf } from './support/plan';
import { Report } from './support/report';
import type { ServiceSlot } from './support/service-slot';
import { Stage } from './support/stage';

const ROUNDS = rounds(5);
const AT_ONCE = 50;

interface Outcome {
  ids: string;
  text: string;
}

describe('fifty parallel POSTs with one Idempotency-Key', () => {
  let stage: Stage;
  let slot: ServiceSlot;

  beforeAll(async () => {
    stage = await Stage.open('race');
    slot = stage.slot();
  });
  afterAll(() => stage.close());

  it(
    `make one user message, one reply and one model call (${ROUNDS} rounds, seed ${SEED})`,
    async () => {
      const { history } = stage;
      const report = new Report('race');
      report.readyMs.push(await slot.start());
      for (let round = 0; round < ROUNDS && history.violations.length < 20; round++) {
        history.round = round;
        await race(round);
      }
      await checkReplies(await slot.origin(), history, history.replies.values());
      await slot.terminate();
      await stage.checkRows();
      report.more.posts = ROUNDS * AT_ONCE;
      report.print(history, ROUNDS);
      expect(history.violations).toEqual([]);
    },
    60_000 + ROUNDS * 5_000,
  );

  async function race(round: number): Promise<void> {
    const random = stage.random.child(round);
    const user = `user-${round % 5}`;
    const plan = { token: `r${round}`, user, seed: random.int(1, 1e9), words: random.int(1, 30), pauseMs: 5 };
    // One that is there already, or one that each of them would make.
    const conversation = random.chance(0.5) ? await newConversation(user) : undefined;
    const posts = Array.from({ length: AT_ONCE }, () => post(plan, conversation));
    const outcomes = await Promise.all(posts);
    const ids = new Set(outcomes.map((outcome) => outcome.ids));
    if (ids.size !== 1) stage.history.violate('I5', plan.token, `led to ${[...ids].join(' and ')}`);
    const wrong = outcomes.find(({ text }) => text !== textOf(plan));
    if (wrong) stage.history.violate('I3', plan.token, `was answered with ${wrong.text}`);
    const calls = stage.model.calls.get(plan.token);
    if (calls !== 1) stage.history.violate('I5', plan.token, `made ${calls} model calls`);
  }

  async function newConversation(user: string): Promise<string> {
    const response = await open(await slot.origin(), {
      method: 'POST',
      path: '/conversations',
      user,
      body: {},
    });
    return (JSON.parse(await bodyOf(response)) as { id: string }).id;
  }

  async function post(plan: ReplyPlan, conversation?: string): Promise<Outcome> {
    const path = conversation ? `/chat/${conversation}/stream` : '/chat';
    const headers = { 'idempotency-key': plan.token };
    const body = { content: contentOf(plan) };
    const response = await open(await slot.origin(), {
      method: 'POST',
      path,
      user: plan.user,
      headers,
      body,
    });
    if (response.statusCode !== 200) {
      stage.history.violate('I9', plan.token, `${response.statusCode} ${await bodyOf(response)}`);
      return { ids: '', text: '' };
    }
    stage.history.answered(200, '');
    let ids = '';
    let text = '';
    let first = false;
    await readEvents(response, ({ id, json }) => {
      const { type, data } = JSON.parse(json) as { type: string; data: Record<string, string> };
      if (type === 'start') {
        ids = `${data.conversation_id} ${data.user_message_id} ${data.message_id}`;
        first = !stage.history.turns.has(plan.token);
      }
      if (first) stage.history.see(plan, { id, json });
      if (type === 'chunk') text += data.content;
      return true;
    });
    return { ids, text };
  }
});
