import { DataSource } from 'typeorm';
import { ActiveChildren1796000002000 } from '../../migrations/1796000002000-active-children';
import type { Conversation } from '../support/api-client';
import { reply } from '../support/model-server/behaviours';
import { Statements } from '../support/statements';
import { useChatApp } from '../support/use-chat-app';

type Selected = Conversation & { active_message_id: string | null };

// Before the application is made.
const statements = new Statements();

const t = useChatApp({}, { own: 'records statements' });
const { model } = t;
const alice = t.client('alice');
beforeAll(async () => {
  model.otherwise(reply('Yes.'));
  statements.watch(t.app.getHttpServer());
});
afterAll(() => statements.restore());

const select = async (id: string, body?: object) =>
  (await alice.post<Selected>(`/messages/${id}/select`, body)).body.active_message_id;
const pathOf = async (id: string) => (await alice.history(id)).map((message) => message.id);
const rolesOf = async (id: string) => (await alice.history(id)).map(({ role }) => role);
const regenerate = async (id: string) =>
  (await (await alice.open('POST', `/messages/${id}/regenerate`, {})).done()).messageId;

describe('select', () => {
  it('of a message in the middle hides nothing: the path goes on to what was last active below it', async () => {
    const { id } = await alice.conversation();
    const one = await alice.say(id, 'One');
    const two = await alice.say(id, 'Two');
    const again = await regenerate(one.message.id);
    expect(await pathOf(id)).toEqual([one.user_message.id, again]);
    expect(await select(one.message.id)).toBe(two.message.id);
    const whole = [one.user_message.id, one.message.id, two.user_message.id, two.message.id];
    expect(await pathOf(id)).toEqual(whole);
    for (const middle of whole) expect(await select(middle)).toBe(two.message.id);
    expect(await select(again)).toBe(again);
    expect(await select(one.user_message.id)).toBe(again);
  });

  it('exactly of a message ends the path at it, and forgets nothing of what is below', async () => {
    const { id } = await alice.conversation();
    const one = await alice.say(id, 'One');
    const two = await alice.say(id, 'Two');
    expect(await select(one.message.id, { exact: true })).toBe(one.message.id);
    expect(await pathOf(id)).toEqual([one.user_message.id, one.message.id]);
    expect(await select(one.message.id, { exact: false })).toBe(two.message.id);
    const wrong = await alice.post(`/messages/${one.message.id}/select`, { exact: 'yes' });
    expect([wrong.status, wrong.body.errors?.[0]?.path]).toEqual([400, 'exact']);
  });
});

describe('where the active path ends at what a user said', () => {
  it('the next turn goes beside it, below the reply before', async () => {
    const { id } = await alice.conversation();
    const one = await alice.say(id, 'One');
    const two = await alice.say(id, 'Two');
    await select(two.user_message.id, { exact: true });
    const beside = await alice.say(id, 'Instead');
    expect(beside.user_message.parent_id).toBe(one.message.id);
    expect(await rolesOf(id)).toEqual(['user', 'assistant', 'user', 'assistant']);
    expect(await select(two.user_message.id)).toBe(two.message.id);
  });

  it('the next turn is a first one beside it, if nothing is before it', async () => {
    const { id } = await alice.conversation();
    const one = await alice.say(id, 'One');
    await select(one.user_message.id, { exact: true });
    const beside = await alice.say(id, 'Instead');
    expect(beside.user_message).toMatchObject({ parent_id: null, sibling_count: 2 });
    const fork = await alice.post<Conversation>(`/conversations/${id}/fork`, {
      message_id: one.user_message.id,
    });
    const further = await alice.say(fork.body.id, 'On');
    expect(further.user_message).toMatchObject({ parent_id: null, sibling_count: 2 });
  });

  it('the next turn is put right also where an older version has put one below the other', async () => {
    const { id } = await alice.conversation();
    const one = await alice.say(id, 'One');
    const two = await alice.say(id, 'Two');
    await t.app
      .get(DataSource)
      .query(`UPDATE messages SET role = 'user' WHERE id = ANY($1)`, [[two.message.id]]);
    const beside = await alice.say(id, 'Instead');
    expect(beside.user_message.parent_id).toBe(one.message.id);
  });

  it('a turn that names it is refused', async () => {
    const { id } = await alice.conversation();
    const { user_message } = await alice.say(id, 'One');
    const answer = await alice.post(`/chat/${id}`, { content: 'Two', parent_id: user_message.id });
    expect([answer.status, answer.body.code]).toEqual([400, 'invalid_parent']);
  });

  it('a turn that waits in the queue goes beside it as well', async () => {
    const { id } = await alice.conversation();
    const one = await alice.say(id, 'One');
    await select(one.user_message.id, { exact: true });
    const beside = await alice.say(id, 'Instead', { on_busy: 'queue' });
    expect(beside.user_message.parent_id).toBeNull();
  });
});

it('what is there already goes on at the newest of several', async () => {
  const { id } = await alice.conversation();
  const one = await alice.say(id, 'One');
  const again = await regenerate(one.message.id);
  await select(one.message.id);
  const runner = t.app.get(DataSource).createQueryRunner();
  const migration = new ActiveChildren1796000002000();
  await migration.down(runner);
  await migration.up(runner);
  await runner.release();
  const other = await alice.say(id, 'Elsewhere', { parent_id: again });
  await select(one.message.id, { exact: true });
  expect(await select(one.user_message.id)).toBe(one.message.id);
  expect(await select(again)).toBe(other.message.id);
});

it('a turn stays one statement, wherever it goes', async () => {
  const { id } = await alice.conversation();
  const one = await alice.say(id, 'One');
  await alice.say(id, 'Two');
  for (const body of [{ content: 'Three' }, { content: 'Four', parent_id: one.message.id }]) {
    const sent = await statements.of(() => alice.post(`/chat/${id}`, body));
    const writing = sent.filter(({ text }) =>
      /INSERT INTO messages|UPDATE conversations SET active_leaf_id|active_child_id =/.test(text),
    );
    expect(writing).toHaveLength(1);
  }
});

/** The tree as the rule says it: which child the active path last went through, at each message. */
class Tree {
  readonly parents = new Map<string, string | null>();
  readonly roles = new Map<string, string>();
  private readonly went = new Map<string, string>();
  leaf: string | null = null;

  add(id: string, parent: string | null, role: string): void {
    this.parents.set(id, parent);
    this.roles.set(id, role);
  }

  activate(leaf: string): void {
    this.leaf = leaf;
    const path = this.pathTo(leaf);
    path.slice(1).forEach((id, index) => this.went.set(path[index], id));
  }

  below(id: string): string {
    const next = this.went.get(id);
    return next === undefined ? id : this.below(next);
  }

  pathTo(id: string): string[] {
    const parent = this.parents.get(id);
    return parent ? [...this.pathTo(parent), id] : [id];
  }

  those(role: string): string[] {
    return [...this.roles].filter(([, other]) => other === role).map(([id]) => id);
  }
}

/** Numbers from 0 to 1, the same each time. */
function randomFrom(seed: number): () => number {
  let state = seed;
  return () => (state = (state * 16_807) % 2_147_483_647) / 2_147_483_647;
}

it.each([11, 47_119])(
  'any story of turns, versions and selections ends where the rule says (%i)',
  async (seed) => {
    const random = randomFrom(seed);
    const pick = <T>(items: readonly T[]): T => items[Math.floor(random() * items.length)];
    const { id } = await alice.conversation();
    const tree = new Tree();
    const take = async (reply_id: string) => {
      const message = await alice.message(reply_id);
      const said = await alice.message(message.parent_id ?? '');
      tree.add(said.id, said.parent_id, 'user');
      tree.add(message.id, said.id, 'assistant');
      tree.activate(message.id);
    };
    const moves: (() => Promise<void>)[] = [
      async () => take((await alice.say(id, 'Next')).message.id),
      async () =>
        take((await alice.say(id, 'Here', { parent_id: pick(tree.those('assistant')) })).message.id),
      async () => take(await regenerate(pick(tree.those('assistant')))),
      async () => {
        const edited = await alice.open('POST', `/messages/${pick(tree.those('user'))}/edit`, {
          content: 'Else',
        });
        await take((await edited.done()).messageId);
      },
      ...Array.from({ length: 4 }, () => async () => {
        const chosen = pick([...tree.roles.keys()]);
        tree.activate(tree.below(chosen));
        expect(await select(chosen)).toBe(tree.leaf);
      }),
      async () => {
        const chosen = pick([...tree.roles.keys()]);
        tree.activate(chosen);
        expect(await select(chosen, { exact: true })).toBe(chosen);
      },
    ];
    await moves[0]();
    for (let move = 0; move < 60; move++) {
      await pick(moves)();
      expect(await pathOf(id)).toEqual(tree.pathTo(tree.leaf ?? ''));
    }
    for (const [message, parent] of tree.parents)
      if (parent) expect(tree.roles.get(message)).not.toBe(tree.roles.get(parent));
  },
  120_000,
);
