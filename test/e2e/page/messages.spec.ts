import type { Page } from 'playwright-core';
import { failure, reply } from '../../support/model-server/behaviours';
import { hold } from '../../support/model-server/gate';
import { box, describePage, lastReply, say } from '../../support/page';
import { until } from '../../support/until';

const menuOf = (page: Page, title: string) => page.getByRole('button', { name: `Options for ${title}` });
const item = (page: Page, name: string) => page.getByRole('menuitem', { name });
const listed = (page: Page, title: string) =>
  page.getByRole('navigation', { name: 'Conversations' }).getByRole('link', { name: title });

describePage('what the page does with messages', {}, (t) => {
  it('makes versions of a reply and of a message, and walks through them', async () => {
    t.model.script(reply('One.'), reply('Two.'), reply('Three.'));
    const page = await t.open();
    await say(page, 'Count');
    await lastReply(page).getByText('One.').waitFor();
    await page.getByRole('button', { name: 'Regenerate' }).click();
    await lastReply(page).getByText('Two.').waitFor();
    await lastReply(page).getByText('2/2').waitFor();
    await page.getByRole('button', { name: 'Previous' }).click();
    await lastReply(page).getByText('One.').waitFor();
    await lastReply(page).getByText('1/2').waitFor();
    await page.getByRole('button', { name: 'Next' }).click();
    await lastReply(page).getByText('Two.').waitFor();
    const user = page.locator('article.user');
    await user.hover();
    await user.getByRole('button', { name: 'Edit' }).click();
    await page.getByRole('textbox', { name: 'Edit the message' }).fill('Count on');
    await user.getByRole('button', { name: 'Send' }).click();
    await lastReply(page).getByText('Three.').waitFor();
    expect(await user.locator('.bubble').textContent()).toBe('Count on');
    await user.getByText('2/2').waitFor();
    await user.getByRole('button', { name: 'Previous' }).click();
    await lastReply(page).getByText('Two.').waitFor();
    expect(await user.locator('.bubble').textContent()).toBe('Count');
  });

  it('copies an answer, and code of it', async () => {
    t.model.script(reply('Look:\n\n```sh\nls -la\n```\n'));
    const context = await t.context({ permissions: ['clipboard-read', 'clipboard-write'] });
    const page = await t.open('', context);
    await say(page, 'How?');
    const copied = () => page.evaluate('navigator.clipboard.readText()');
    await lastReply(page).locator('.copy-code').click();
    await until(async () => (await copied()) === 'ls -la\n');
    await lastReply(page).getByRole('button', { name: 'Copy' }).last().click();
    await until(async () => (await copied()) === 'Look:\n\n```sh\nls -la\n```\n');
  });

  it('rates an answer with tags, shows it after a reload, and takes it back', async () => {
    t.model.script(reply('Well.'));
    const page = await t.open();
    await say(page, 'How are you?');
    await page.getByRole('button', { name: 'Good answer' }).click();
    await page.getByRole('checkbox', { name: 'Helpful' }).check();
    await page.getByRole('textbox', { name: 'Anything else?' }).fill('Short.');
    await page.getByRole('dialog').getByRole('button', { name: 'Send' }).click();
    await page.getByText('Thank you.').waitFor();
    const [given] = (await t.api.get<{ data: object[] }>('/feedback')).body.data;
    expect(given).toMatchObject({ rating: 5, comment: 'Short.', tags: ['helpful'] });
    await page.reload();
    await page.getByRole('button', { name: 'Good answer', pressed: true }).click();
    await page.getByRole('button', { name: 'Good answer', pressed: false }).waitFor();
    await until(async () => (await t.api.get<{ data: object[] }>('/feedback')).body.data.length === 0);
  });

  it('folds reasoning, says how long it took, and shows tokens', async () => {
    t.model.script(reply('Forty-two.', { reasoning: 'Let me think.', usage: { input: 11, output: 1234 } }));
    const page = await t.open();
    await say(page, 'What is it?');
    await lastReply(page).getByText('Thought for 1 s').click();
    await lastReply(page).getByText('Let me think.').waitFor();
    await lastReply(page).getByText('1,234 tokens').waitFor();
    expect(
      await lastReply(page)
        .getByTitle(/11 in, 1,234 out/)
        .count(),
    ).toBe(1);
  });

  it('queues a message while a reply runs, takes one back, and interrupts', async () => {
    const [first, second] = [hold(), hold()];
    t.model.script(reply(['First', first, ' done.']), reply(['Second', second]), reply('Third.'));
    const page = await t.open();
    await say(page, 'One');
    await lastReply(page).getByText('First').waitFor();
    await box(page).fill('Two');
    await page.getByRole('button', { name: 'Queue' }).click();
    await page.getByText('Waits until the reply before it has ended.').waitFor();
    await say(page, 'Never');
    await page.getByText('Waits until').nth(1).waitFor();
    await page.getByRole('button', { name: 'Take back' }).last().click();
    await page.getByText('Waits until').nth(1).waitFor({ state: 'detached' });
    first.release();
    await page.locator('article.reply').getByText('Second').waitFor();
    await box(page).fill('Now');
    await page.getByRole('button', { name: 'Interrupt' }).click();
    await lastReply(page).getByText('Third.').waitFor();
    expect(t.model.requests).toHaveLength(3);
  });

  it('keeps a draft per conversation, over a reload', async () => {
    const page = await t.open();
    await say(page, 'Hello');
    await lastReply(page).waitFor();
    await box(page).fill('half a thought');
    await page.getByRole('button', { name: 'New chat' }).click();
    await until(async () => (await box(page).inputValue()) === '');
    await box(page).fill('another');
    await page.reload();
    expect(await box(page).inputValue()).toBe('another');
    await listed(page, 'Hello').click();
    await until(async () => (await box(page).inputValue()) === 'half a thought');
  });

  it('renames, pins, archives and deletes conversations, and undoes it', async () => {
    const page = await t.open();
    await say(page, 'Alpha');
    await listed(page, 'Alpha').hover();
    await menuOf(page, 'Alpha').click();
    await item(page, 'Rename').click();
    await page.getByRole('textbox', { name: 'Title of the conversation' }).fill('Omega');
    await page.keyboard.press('Enter');
    await listed(page, 'Omega').waitFor();
    await menuOf(page, 'Omega').click();
    await item(page, 'Pin').click();
    await page.getByRole('heading', { name: 'Pinned' }).waitFor();
    await menuOf(page, 'Omega').click();
    await item(page, 'Archive').click();
    await listed(page, 'Omega').waitFor({ state: 'detached' });
    await page.getByRole('button', { name: 'Archive', exact: true }).click();
    await listed(page, 'Omega').hover();
    await menuOf(page, 'Omega').click();
    await item(page, 'Restore').click();
    await page.getByRole('button', { name: 'Back to conversations' }).click();
    await listed(page, 'Omega').hover();
    await menuOf(page, 'Omega').click();
    await item(page, 'Delete').click();
    await listed(page, 'Omega').waitFor({ state: 'detached' });
    await page.getByText('Conversation deleted.').locator('..').getByRole('button', { name: 'Undo' }).click();
    await listed(page, 'Omega').hover();
    await menuOf(page, 'Omega').click();
    await item(page, 'Delete').click();
    await until(
      async () => (await t.api.get<{ data: object[] }>('/conversations')).body.data.length === 0,
      15_000,
    );
    await page.getByRole('heading', { name: 'What is on your mind?' }).waitFor();
  });

  it('gives a conversation a system prompt, settings and a model', async () => {
    const page = await t.open();
    await page.getByRole('button', { name: 'Conversation settings' }).click();
    await page.getByRole('textbox', { name: 'System prompt' }).fill('Be brief.');
    await page.getByRole('spinbutton', { name: 'Temperature' }).fill('0.3');
    await page.getByRole('button', { name: 'Save' }).click();
    await say(page, 'Hello');
    await lastReply(page).getByRole('button', { name: 'Copy' }).waitFor();
    const { messages, temperature } = t.model.requests[0].body;
    expect([messages?.[0], temperature]).toEqual([{ role: 'system', content: 'Be brief.' }, 0.3]);
    await page.getByRole('button', { name: 'Model: test-model' }).click();
    const model = page.getByRole('menuitemradio', { name: 'test-model' });
    expect(await model.getAttribute('aria-checked')).toBe('true');
    expect(await model.textContent()).toMatch(/k context/);
    await page.keyboard.press('Escape');
  });

  it('keeps what could not be sent, and sends it once', async () => {
    const page = await t.open();
    await box(page).waitFor();
    t.faults.expected.push(/ERR_|Failed to load/);
    t.proxy.otherwise = ({ method }) =>
      method === 'POST' ? { kind: 'answer', status: 422, body: '{}' } : { kind: 'none' };
    await say(page, 'Keep me');
    await page.getByRole('alert').waitFor();
    t.proxy.otherwise = () => ({ kind: 'none' });
    await page.getByRole('button', { name: 'Try again' }).click();
    await lastReply(page).getByRole('button', { name: 'Copy' }).waitFor();
    expect(t.model.requests).toHaveLength(1);
    expect(await page.getByText('Keep me').count()).toBeGreaterThan(0);
  });

  it('shows the failure of a turn in words of what to do', async () => {
    t.model.script(failure(401));
    const page = await t.open();
    await say(page, 'Hi');
    await page.getByRole('alert').filter({ hasText: 'refused the service’s key' }).waitFor();
  });
});
