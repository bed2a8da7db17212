import type { BrowserContext, Locator, Page } from 'playwright-core';
import type { Random } from '../faults/support/random';
import { ApiClient, type ChatMessage } from './api-client';
import { box, lastReply, type PageFixture, say } from './page';
import { until } from './until';

const CLICK_MS = 2_000;
/** Undo is offered for so long, and then the service deletes. */
const SETTLED_MS = 40_000;

interface Listed {
  id: string;
  title: string | null;
  running: object | null;
}

/** Two tabs of one user, in which somebody does anything that the page offers, while connections break and the service is killed. */
export class PageWalk {
  private readonly tabs: Page[] = [];
  private readonly done: string[] = [];
  private count = 0;

  constructor(
    private readonly t: PageFixture,
    private readonly random: Random,
    private readonly kills: boolean,
  ) {}

  async run(actions: number): Promise<void> {
    const context: BrowserContext = await this.t.context({ viewport: { width: 1100, height: 700 } });
    for (let tab = 0; tab < 2; tab++) this.tabs.push(await this.t.open('', context));
    for (const tab of this.tabs) await box(tab).waitFor();
    try {
      for (let action = 0; action < actions; action++) await this.act(this.random.pick(this.tabs));
      await this.settle();
      for (const tab of this.tabs) await this.compare(tab);
    } catch (error) {
      throw new Error(`After ${this.done.slice(-12).join(', ')}: ${String(error)}`, { cause: error });
    }
  }

  private async act(page: Page): Promise<void> {
    const actions: [number, string, () => Promise<unknown>][] = [
      [8, 'say', () => this.say(page, 'Enter')],
      [3, 'interrupt', () => this.say(page, 'Control+Enter')],
      [4, 'new', () => this.click(page.getByRole('button', { name: 'New chat' }))],
      [6, 'open', () => this.click(this.any(page.locator('nav .items a'), 6))],
      [4, 'stop', () => this.click(page.getByRole('button', { name: 'Stop', exact: true }))],
      [3, 'take back', () => this.click(page.getByRole('button', { name: 'Take back' }).last())],
      [4, 'regenerate', () => this.click(this.any(page.getByRole('button', { name: 'Regenerate' }), 3))],
      [3, 'continue', () => this.click(page.getByRole('button', { name: 'Continue' }).last())],
      [2, 'try again', () => this.click(page.getByRole('button', { name: 'Try again' }).last())],
      [4, 'previous', () => this.click(this.any(page.getByRole('button', { name: 'Previous' }), 3))],
      [3, 'next', () => this.click(this.any(page.getByRole('button', { name: 'Next' }), 3))],
      [3, 'edit', () => this.edit(page)],
      [2, 'rate', () => this.rate(page)],
      [2, 'pin', () => this.menu(page, /^(Pin|Unpin)$/)],
      [1, 'archive', () => this.menu(page, 'Archive')],
      [1, 'delete', () => this.menu(page, 'Delete')],
      [1, 'undo', () => this.click(page.getByRole('button', { name: 'Undo' }).last())],
      [1, 'delete message', () => this.removeMessage(page)],
      [2, 'reload', () => page.reload()],
      [2, 'break', () => Promise.resolve(this.t.proxy.disconnect())],
      [1, 'lose', () => this.lose()],
      ...(this.kills ? [[0.3, 'kill', () => this.kill()] as [number, string, () => Promise<unknown>]] : []),
    ];
    const total = actions.reduce((sum, [weight]) => sum + weight, 0);
    let at = (this.random.int(0, 1_000_000) / 1_000_000) * total;
    const [, name, act] = actions.find(([weight]) => (at -= weight) <= 0) ?? actions[0];
    this.done.push(name);
    await act();
  }

  /** One of the first of them. */
  private any(these: Locator, many: number): Locator {
    return these.nth(this.random.int(0, many - 1));
  }

  /** If it is there: what is offered changes while it is looked for. */
  private async click(locator: Locator): Promise<boolean> {
    if ((await locator.count()) === 0) return false;
    return locator.click({ timeout: CLICK_MS }).then(
      () => true,
      () => false,
    );
  }

  private async say(page: Page, keys: string): Promise<void> {
    const ready = await box(page)
      .fill(`Message ${++this.count}`, { timeout: CLICK_MS })
      .then(
        () => true,
        () => false,
      );
    if (ready) await box(page).press(keys);
  }

  private async edit(page: Page): Promise<void> {
    const user = this.any(page.locator('article.user'), 3);
    await user.hover({ timeout: CLICK_MS }).catch(() => undefined);
    if (!(await this.click(user.getByRole('button', { name: 'Edit' })))) return;
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
    const button = this.any(page.getByRole('button', { name: /^Options for/ }), 5);
    await button.hover({ timeout: CLICK_MS }).catch(() => undefined);
    if ((await this.click(button)) && !(await this.click(page.getByRole('menuitem', { name }))))
      await page.keyboard.press('Escape');
  }

  private async removeMessage(page: Page): Promise<void> {
    const message = this.any(page.locator('article.message'), 4);
    await message.hover({ timeout: CLICK_MS }).catch(() => undefined);
    if (!(await this.click(message.getByRole('button', { name: 'More' })))) return;
    if (!(await this.click(page.getByRole('menuitem', { name: 'Delete from here' }))))
      await page.keyboard.press('Escape');
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

  /** What is shown is what the service has. */
  private async compare(page: Page): Promise<void> {
    const listed = await this.listed();
    const links = `[...document.querySelectorAll('nav .items a')].map((link) => link.hash.slice(4)).sort()`;
    const ids = listed.map(({ id }) => id).sort();
    await this.becomes(() => page.evaluate(links), ids);
    for (const { id } of listed.slice(0, 3)) {
      await page.goto(`${this.t.url}/#/c/${id}`);
      const { messages } = (await this.api.get<{ messages: ChatMessage[] }>(`/conversations/${id}`)).body;
      const shown = `[...document.querySelectorAll('article.message')].map((each) => [each.dataset.id, each.dataset.status,
        (each.querySelector('.bubble, .body > .prose')?.innerText ?? '').trim()])`;
      const stored = messages.map(({ id: messageId, status, content }) => [
        messageId,
        status,
        content.trim(),
      ]);
      await this.becomes(() => page.evaluate(shown), stored);
    }
    await say(page, 'The end');
    await lastReply(page).getByRole('button', { name: 'Copy' }).waitFor();
  }

  private async becomes(read: () => Promise<unknown>, wanted: unknown): Promise<void> {
    let seen: unknown;
    const isThere = async () => {
      seen = await read();
      return JSON.stringify(seen) === JSON.stringify(wanted);
    };
    await until(isThere, 15_000).catch(() => expect(seen).toEqual(wanted));
  }
}
