import type { Page } from 'playwright-core';
import { reply } from '../../support/model-server/behaviours';
import { hold } from '../../support/model-server/gate';
import { box, describePage, lastReply, say } from '../../support/page';
import { until } from '../../support/until';

const searchField = (page: Page) => page.getByRole('searchbox', { name: 'Search conversations' });
const side = (page: Page) => page.getByRole('navigation', { name: 'Conversations' });
const focused = (page: Page) =>
  page.evaluate<string>(`document.activeElement.id || document.activeElement.type`);

/** A key of an input method, which is composing a word. */
function compose(page: Page, key: string, more = ''): Promise<unknown> {
  return page.evaluate(`document.activeElement.dispatchEvent(
    new KeyboardEvent('keydown', { key: '${key}', isComposing: true, bubbles: true, cancelable: true, ${more} }))`);
}

/** Requests of the page that stop a reply. */
function stopsOf(page: Page): string[] {
  const stops: string[] = [];
  page.on('request', (request) => {
    if (request.url().endsWith('/stop')) stops.push(request.url());
  });
  return stops;
}

describePage('the keys of the page', {}, (t) => {
  it('Ctrl+K goes to the search, Shift+Esc to the message box, Ctrl+Shift+O to a new chat', async () => {
    t.model.script(reply('One.'));
    const page = await t.open();
    await say(page, 'First');
    await lastReply(page).getByText('One.').waitFor();
    await page.keyboard.press('Control+k');
    await until(async () => (await focused(page)) === 'search');
    await page.keyboard.press('Shift+Escape');
    await until(async () => (await focused(page)) === 'message-box');
    await page.keyboard.press('Control+Shift+O');
    await page.getByRole('heading', { name: 'What is on your mind?' }).waitFor();
    expect(await page.locator('article').count()).toBe(0);
  });

  it('Ctrl+Shift+S hides and shows the conversations, and Ctrl+K shows them', async () => {
    const page = await t.open();
    await side(page).waitFor();
    await page.keyboard.press('Control+Shift+S');
    await side(page).waitFor({ state: 'detached' });
    await page.reload();
    await page.getByRole('button', { name: 'Show conversations' }).waitFor();
    expect(await side(page).count()).toBe(0);
    await page.keyboard.press('Control+Shift+S');
    await side(page).waitFor();
    await page.keyboard.press('Control+Shift+S');
    await side(page).waitFor({ state: 'detached' });
    await page.keyboard.press('Control+k');
    await until(async () => (await focused(page)) === 'search');
  });

  it('Esc stops the reply', async () => {
    t.model.script(reply(['So far', hold()]));
    const page = await t.open();
    await say(page, 'Begin');
    await lastReply(page).getByText('So far').waitFor();
    await page.keyboard.press('Escape');
    await page.getByText('Stopped.').waitFor();
  });

  it('Esc in the search empties it, then leaves it, and the reply goes on', async () => {
    const gate = hold();
    t.model.script(reply(['Half', gate, ' whole.']));
    const page = await t.open();
    const stops = stopsOf(page);
    await say(page, 'Hello');
    await lastReply(page).getByText('Half').waitFor();
    await searchField(page).fill('nothing of the kind');
    await page.getByText('Nothing found.').waitFor();
    await page.keyboard.press('Escape');
    expect(await searchField(page).inputValue()).toBe('');
    expect(await focused(page)).toBe('search');
    await page.keyboard.press('Escape');
    await until(async () => (await focused(page)) === 'message-box');
    gate.release();
    await lastReply(page).getByText('Half whole.').waitFor();
    expect(stops).toEqual([]);
  });

  it('do nothing while an input method composes a word', async () => {
    const gate = hold();
    t.model.script(reply('One.'), reply(['Half', gate, ' whole.']));
    const page = await t.open();
    const stops = stopsOf(page);
    await say(page, 'First');
    await lastReply(page).getByText('One.').waitFor();
    await say(page, 'Hello');
    await lastReply(page).getByText('Half').waitFor();
    await box(page).fill('にほん');
    await compose(page, 'Enter');
    await compose(page, 'Enter', 'ctrlKey: true');
    await compose(page, 'k', 'ctrlKey: true');
    expect(await focused(page)).toBe('message-box');
    await compose(page, 'Escape');
    await searchField(page).fill('にほん');
    await compose(page, 'Escape');
    expect(await searchField(page).inputValue()).toBe('にほん');
    const user = page.locator('article.user').first();
    await user.hover();
    await user.getByRole('button', { name: 'Edit' }).click();
    await page.getByRole('textbox', { name: 'Edit the message' }).fill('にほん');
    await compose(page, 'Enter');
    await compose(page, 'Escape');
    await page.getByRole('textbox', { name: 'Edit the message' }).waitFor();
    gate.release();
    await lastReply(page).getByText('Half whole.').waitFor();
    expect([stops, await box(page).inputValue(), t.model.requests.length]).toEqual([[], 'にほん', 2]);
  });

  it('Esc leaves the name of a conversation as it was', async () => {
    t.model.script(reply('One.'));
    const page = await t.open();
    await say(page, 'Alpha');
    await lastReply(page).getByText('One.').waitFor();
    await side(page).getByRole('link', { name: 'Alpha' }).dblclick();
    const name = page.getByRole('textbox', { name: 'Title of the conversation' });
    await name.fill('Omega');
    await compose(page, 'Escape');
    expect(await name.inputValue()).toBe('Omega');
    await page.keyboard.press('Escape');
    await side(page).getByRole('link', { name: 'Alpha' }).waitFor();
  });
});
