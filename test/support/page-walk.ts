import type { Locator, Page } from 'playwright-core';
import { Random } from '../faults/support/random';
import { ApiClient, type ChatMessage } from './api-client';
import type { ModelServer } from './model-server';
import { reply } from './model-server/behaviours';
import { modelsEnv } from './models-file';
import { box, describePage, lastReply, type PageFixture, say } from './page';
import { UnseenFailures } from './unseen-failures';
import { until } from './until';

/** What browsers say of connections that break, and of answers that the page shows in its own words. */
const SEEN = /ERR_|Failed to load resource: the server responded with a status of (404|409|410|503)/;

const CLICK_MS = 1_000;
/** So many messages of a conversation are shown at least. */
const OPENED_WITH = 50;
/** Undo is offered for so long, and then the service deletes. */
const SETTLED_MS = 40_000;

interface Listed {
  id: string;
  title: string | null;
  pinned: boolean;
  unread: boolean;
  running: object | null;
}

type Action = [weight: number, name: string, act: () => Promise<unknown>];

/** The list as it is shown: which conversations, in which order, with which titles and marks. */
const LIST = `[...document.querySelectorAll('nav .items:not(.hits) .item')].map((item) => [
  item.querySelector('a')?.hash.slice(4), item.querySelector('.title')?.innerText.trim(),
  item.closest('section').querySelector('h2').innerText === 'Pinned', item.querySelector('.unread') !== null])`;

/** The messages as they are shown, each with which of its versions it is. */
const MESSAGES = `[...document.querySelectorAll('article.message')].map((each) => [each.dataset.id, each.dataset.status,
  (each.querySelector('.bubble, .body > .prose')?.innerText ?? '').trim(), each.querySelector('.versions .count')?.innerText ?? ''])`;

/**
 * So many walks of so many actions, each with a seed of its own: `FAULTS_SEED` is the first one's, and `WALK_RUNS` and `WALK_ACTIONS` are other numbers. In
 * every fourth the service is killed as well, once at least.
 */
export function describeWalks(defaultRuns: number, defaultActions: number, defaultSeed: number): void {
  const seed = Number(process.env.FAULTS_SEED ?? defaultSeed);
  const runs = Number(process.env.WALK_RUNS ?? defaultRuns);
  const actions = Number(process.env.WALK_ACTIONS ?? defaultActions);
  const env = (model: ModelServer) => modelsEnv(model, '{id: test-model}', '{id: other-model}');
  describePage('somebody who does anything, in two tabs', env, (t) => {
    for (let run = 0; run < runs; run++)
      it(
        `is shown what is stored in the end (FAULTS_SEED=${seed + run})`,
        async () => {
          t.faults.expected.push(SEEN);
          const random = new Random(seed + run);
          const words = random.child('words');
          t.model.otherwise((exchange) =>
            reply(`Reply to ${words.int(1, 1_000)}: ${'and on '.repeat(words.int(1, 30))}end.`, {
              delayMs: words.int(0, 25),
            })(exchange),
          );
          await new PageWalk(t, random, (seed + run) % 4 === 3).run(actions);
        },
        120_000 + actions * 4_000,
      );
  });
}

/** What is not there, or not offered now, is not waited for. */
async function isThere(locator: Locator): Promise<boolean> {
  if ((await locator.count()) === 0) return false;
  return locator
    .evaluate((element) => element.checkVisibility() && !element.matches(':disabled'), undefined, {
      timeout: CLICK_MS,
    })
    .catch(() => false);
}

function isDone(action: Promise<void>): Promise<boolean> {
  return action.then(
    () => true,
    () => false,
  );
}

/** Two tabs of one user, in which somebody does anything that the page offers, while connections break and the service is killed. */
class PageWalk {
  private readonly tabs: Page[] = [];
  private readonly done: string[] = [];
  private count = 0;

  constructor(
    private readonly t: PageFixture,
    private readonly random: Random,
    private readonly kills: boolean,
  ) {}

  async run(actions: number): Promise<void> {
    const context = await this.t.context({ viewport: { width: 1100, height: 700 }, reducedMotion: 'reduce' });
    const unseen = await UnseenFailures.watch(context);
    for (let tab = 0; tab < 2; tab++) this.tabs.push(await this.t.open('', context));
    for (const tab of this.tabs) await box(tab).waitFor();
    try {
      const killsAt = this.kills ? this.random.int(0, actions - 1) : -1;
      for (let action = 0; action < actions; action++) {
        if (action === killsAt) await this.kill();
        await this.act(this.random.pick(this.tabs));
      }
      await this.settle();
      for (const tab of this.tabs) await this.compare(tab);
      expect(unseen.list()).toEqual([]);
    } catch (error) {
      const shown = await Promise.all(this.tabs.map((tab) => tab.locator('main').innerText().catch(String)));
      throw new Error(
        `After ${this.done.slice(-12).join(', ')}: ${String(error)}\n${unseen.list().join('\n')}\nThe tabs show:\n${shown.map((text) => text.slice(-600)).join('\n--\n')}`,
        { cause: error },
      );
    }
  }

  private async act(page: Page): Promise<void> {
    const actions: Action[] = [
      [8, 'say', () => this.say(page, 'Enter')],
      [3, 'interrupt', () => this.say(page, 'Control+Enter')],
      [4, 'new', () => this.click(page.getByRole('button', { name: 'New chat' }))],
      [6, 'open', async () => this.click(await this.any(page.locator('nav .items a'), 6))],
      [4, 'stop', () => this.click(page.getByRole('button', { name: 'Stop', exact: true }))],
      [3, 'take back', () => this.click(page.getByRole('button', { name: 'Take back' }).last())],
      [
        4,
        'regenerate',
        async () => this.click(await this.any(page.getByRole('button', { name: 'Regenerate' }), 3)),
      ],
      [3, 'continue', () => this.click(page.getByRole('button', { name: 'Continue' }).last())],
      [2, 'try again', () => this.click(page.getByRole('button', { name: 'Try again' }).last())],
      [
        4,
        'previous',
        async () => this.click(await this.any(page.getByRole('button', { name: 'Previous' }), 3)),
      ],
      [3, 'next', async () => this.click(await this.any(page.getByRole('button', { name: 'Next' }), 3))],
      [3, 'edit', () => this.edit(page)],
      [2, 'rate', () => this.rate(page)],
      [2, 'pin', () => this.menu(page, /^(Pin|Unpin)$/)],
      [1, 'archive', () => this.menu(page, 'Archive')],
      [1, 'delete', () => this.menu(page, 'Delete')],
      [1, 'undo', () => this.click(page.getByRole('button', { name: 'Undo' }).last())],
      [1, 'delete message', () => this.removeMessage(page)],
      [2, 'search', () => this.search(page)],
      [2, 'rename', () => this.rename(page)],
      [1, 'settings', () => this.settings(page)],
      [1, 'model', () => this.chooseModel(page)],
      [1, 'share', () => this.share(page)],
      [2, 'reload', () => page.reload()],
      [2, 'break', () => Promise.resolve(this.t.proxy.disconnect())],
      [1, 'lose', () => this.lose()],
      ...(this.kills ? [[0.3, 'kill', () => this.kill()] satisfies Action] : []),
    ];
    const total = actions.reduce((sum, [weight]) => sum + weight, 0);
    let at = (this.random.int(0, 1_000_000) / 1_000_000) * total;
    const [, name, act] = actions.find(([weight]) => (at -= weight) <= 0) ?? actions[0];
    this.done.push(name);
    // A tab that nobody looks at draws nothing, and what is not drawn cannot be clicked.
    await page.bringToFront();
    // Rating asks why, and a share shows its link.
    if (await page.locator('dialog[open]').count()) await page.keyboard.press('Escape');
    await act();
  }

  /** One of the first of those that are offered. */
  private async any(these: Locator, many: number): Promise<Locator> {
    const offered = these.filter({ visible: true }).and(these.page().locator(':not(:disabled)'));
    return offered.nth(this.random.int(0, Math.max(0, Math.min(many, await offered.count()) - 1)));
  }

  /** If it is there: what is offered changes while it is looked for. */
  private async click(locator: Locator): Promise<boolean> {
    return (await isThere(locator)) && isDone(locator.click({ timeout: CLICK_MS }));
  }

  /** Shows what is offered for it. */
  private async hover(locator: Locator): Promise<boolean> {
    return (await isThere(locator)) && isDone(locator.hover({ timeout: CLICK_MS }));
  }

  private async say(page: Page, keys: string): Promise<void> {
    const text = `Message ${++this.count}`;
    if (await isDone(box(page).fill(text, { timeout: CLICK_MS }))) await box(page).press(keys);
  }

  private async edit(page: Page): Promise<void> {
    const user = await this.any(page.locator('article.user'), 3);
    if (!(await this.hover(user)) || !(await this.click(user.getByRole('button', { name: 'Edit' })))) return;
    const field = page.getByRole('textbox', { name: 'Edit the message' }).last();
    await field.fill(`Edited ${++this.count}`, { timeout: CLICK_MS }).catch(() => undefined);
    await field.press('Enter', { timeout: CLICK_MS }).catch(() => undefined);
  }

  private async rate(page: Page): Promise<void> {
    if (!(await this.click(lastReply(page).getByRole('button', { name: 'Bad answer' })))) return;
    await page
      .getByRole('dialog')
      .waitFor({ timeout: 500 })
      .catch(() => undefined);
    await page.keyboard.press('Escape');
  }

  private async menu(page: Page, name: string | RegExp): Promise<void> {
    const button = await this.any(page.getByRole('button', { name: /^Options for/ }), 5);
    await this.hover(button);
    if ((await this.click(button)) && !(await this.click(page.getByRole('menuitem', { name }))))
      await page.keyboard.press('Escape');
  }

  private async removeMessage(page: Page): Promise<void> {
    const message = await this.any(page.locator('article.message'), 4);
    if (!(await this.hover(message)) || !(await this.click(message.getByRole('button', { name: 'More' }))))
      return;
    if (!(await this.click(page.getByRole('menuitem', { name: 'Delete from here' }))))
      await page.keyboard.press('Escape');
  }

  private async search(page: Page): Promise<void> {
    const field = page.getByRole('searchbox');
    if (!(await isThere(field))) return;
    const hits = page.locator('nav .hits');
    await field.fill(this.random.pick(['Message', 'Edited', 'Reply', `${this.random.int(1, 20)}`]));
    await isDone(hits.waitFor({ timeout: CLICK_MS }));
    await this.click(await this.any(hits.getByRole('link'), 5));
    await field.fill('');
    await isDone(hits.waitFor({ state: 'detached', timeout: CLICK_MS }));
  }

  private async rename(page: Page): Promise<void> {
    await this.menu(page, 'Rename');
    const field = page.getByRole('textbox', { name: 'Title of the conversation' });
    if (!(await isThere(field))) return;
    if (await isDone(field.fill(`Title ${++this.count}`, { timeout: CLICK_MS })))
      await isDone(field.press(this.random.pick(['Enter', 'Enter', 'Escape']), { timeout: CLICK_MS }));
  }

  private async settings(page: Page): Promise<void> {
    if (!(await this.click(page.getByRole('button', { name: 'Conversation settings' })))) return;
    const dialog = page.getByRole('dialog');
    const temperature = dialog.getByRole('spinbutton', { name: 'Temperature' });
    await isDone(temperature.fill(`0.${this.random.int(1, 9)}`, { timeout: CLICK_MS }));
    await this.click(dialog.getByRole('button', { name: 'Save' }));
  }

  private async chooseModel(page: Page): Promise<void> {
    if (!(await this.click(page.getByRole('button', { name: /^Model: / })))) return;
    if (!(await this.click(await this.any(page.getByRole('menuitemradio'), 2))))
      await page.keyboard.press('Escape');
  }

  private async share(page: Page): Promise<void> {
    await this.menu(page, 'Share');
    const make = page.getByRole('dialog').getByRole('button', { name: 'Make a link' });
    if (await this.click(make))
      await isDone(
        page.locator('dialog[open] .made, dialog[open] .alert').first().waitFor({ timeout: CLICK_MS }),
      );
  }

  private async lose(): Promise<void> {
    this.t.proxy.otherwise = () => ({ kind: 'lost' });
    this.t.proxy.disconnect();
    await this.tabs[0].waitForTimeout(this.random.int(50, 600));
    this.t.proxy.otherwise = () => ({ kind: 'none' });
  }

  private async kill(): Promise<void> {
    await this.t.killService();
    await this.t.startService();
  }

  private get api(): ApiClient {
    return this.t.api;
  }

  private async listed(): Promise<Listed[]> {
    return (await this.api.get<{ data: Listed[] }>('/conversations?limit=100')).body.data;
  }

  /** Nothing runs, nothing waits to be sent or deleted. */
  private async settle(): Promise<void> {
    const isSettled = async () => {
      if ((await this.listed()).some(({ running }) => running)) return false;
      const waits = this.tabs.map((tab) => tab.locator('.toast .button, .pending .hint, .offline').count());
      return (await Promise.all(waits)).every((waiting) => waiting === 0);
    };
    await until(isSettled, SETTLED_MS);
  }

  /** What is shown is what the service has, and it goes on from there. */
  private async compare(page: Page): Promise<void> {
    await page.bringToFront();
    if (await page.locator('dialog[open]').count()) await page.keyboard.press('Escape');
    for (const rename of await page.getByRole('textbox', { name: 'Title of the conversation' }).all())
      await rename.press('Escape');
    await this.lists(page);
    const newest = (await this.listed()).slice(0, 3);
    for (const { id } of newest) {
      await page.goto(`${this.t.url}/#/c/${id}`);
      await this.shows(page, id);
    }
    // All may have been deleted or archived.
    if (newest.length === 0) await page.goto(`${this.t.url}/#/`);
    await say(page, 'The end');
    await page.locator('article.user').getByText('The end', { exact: true }).last().waitFor();
    await this.shows(page, page.url().split('/').at(-1) ?? '');
    await this.lists(page);
  }

  private async lists(page: Page): Promise<void> {
    await this.agree(
      () => page.evaluate(LIST),
      async () =>
        (await this.listed()).map(({ id, title, pinned, unread }) => [
          id,
          title ?? 'New conversation',
          pinned,
          // What is open is being read.
          unread && !page.url().includes(id),
        ]),
    );
  }

  private async shows(page: Page, id: string): Promise<void> {
    // What is being edited is not shown.
    for (const edit of await page.locator('form.edit').all())
      await edit.getByRole('button', { name: 'Cancel' }).click();
    await this.agree(
      () => page.evaluate(MESSAGES),
      async () => {
        const path = (await this.api.pages<ChatMessage>(`/chat/${id}/history`, 100)).flat();
        // Older ones are shown to who scrolls up to them.
        const newest = path.slice(-Math.max(OPENED_WITH, await page.locator('article.message').count()));
        return newest.map(({ id: each, status, content, sibling_position, sibling_count }) => [
          each,
          status,
          content.trim(),
          sibling_count > 1 ? `${sibling_position}/${sibling_count}` : '',
        ]);
      },
    );
  }

  /** Both are read again and again: what is shown follows a moment later. */
  private async agree(show: () => Promise<unknown>, store: () => Promise<unknown>): Promise<void> {
    let [shown, stored]: unknown[] = [];
    const isSame = async () => {
      [stored, shown] = [await store(), await show()];
      return JSON.stringify(shown) === JSON.stringify(stored);
    };
    await until(isSame).catch(() => expect(shown).toEqual(stored));
  }
}
