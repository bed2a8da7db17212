import type { Page } from 'playwright-core';
import { failure, reply } from '../../support/model-server/behaviours';
import { hold } from '../../support/model-server/gate';
import { box, describePage, lastReply, say } from '../../support/page';
import { expectGood, overflows } from '../../support/page-checks';

const NETWORK = /ERR_|Failed to load resource/;
const WORD = 'Donaudampfschifffahrtselektrizitätenhauptbetriebswerkbauunterbeamtengesellschaft'.repeat(3);
const HARD = [
  `${WORD}\n\n\`${WORD}\` [${WORD}](https://example.com/${WORD})\n\n`,
  `| ${WORD.slice(0, 60)} | a | b | c |\n|---|---|---|---|\n| one | two | three | ${WORD} |\n\n`,
  `- a list\n  - in a list\n    - in a list: ${WORD}\n\n`,
  `\`\`\`sh\n${'echo something that is rather long && '.repeat(8)}true\n\`\`\`\n\n`,
  `$$\\sum_{i=1}^{n} a_i = ${Array.from({ length: 30 }, (_, index) => `a_{${index}}`).join(' + ')}$$\n\n`,
  `${'没有空格的很长的一行文字'.repeat(8)}\n`,
];

const options = async (page: Page) => {
  await page.locator('nav .item').first().hover();
  await page
    .getByRole('button', { name: /^Options for/ })
    .first()
    .click();
};

describePage('what axe and a ruler find on the page', {}, (t) => {
  it('is nothing in a new chat', async () => {
    const page = await t.open();
    await box(page).waitFor();
    await expectGood(t, page, 'empty');
  });

  it('is nothing where a conversation is shared and read', async () => {
    t.model.script(reply(HARD));
    const page = await t.open();
    await say(page, 'Where to?');
    await lastReply(page).getByRole('button', { name: 'Regenerate' }).waitFor();
    await options(page);
    await page.getByRole('menuitem', { name: 'Share' }).click();
    const dialog = page.getByRole('dialog', { name: 'Share this conversation' });
    await dialog.getByRole('button', { name: 'Make a link' }).click();
    const link = await dialog.getByRole('textbox', { name: 'Link' }).inputValue();
    await dialog.getByRole('listitem').waitFor();
    await expectGood(t, page, 'share');
    const anybody = await t.open(new URL(link).hash.slice(2));
    await anybody.getByRole('button', { name: 'Go on with it' }).waitFor();
    await expectGood(t, anybody, 'shared');
    t.faults.expected.push(/404/);
    const missing = await t.open('shared/nothing');
    await missing.getByText('Nothing is shared under this link').waitFor();
    await expectGood(t, missing, 'shared-missing');
  });

  it('is nothing where an answer is rated and a message edited', async () => {
    t.model.script(reply('Well.', { reasoning: 'Hm.' }), reply('Better.'));
    const page = await t.open();
    await say(page, 'How are you?');
    await lastReply(page).getByRole('button', { name: 'Regenerate' }).click();
    await lastReply(page).getByText('2/2').waitFor();
    await page.getByRole('button', { name: 'Bad answer' }).click();
    await page.getByRole('checkbox', { name: 'Unclear' }).check();
    await expectGood(t, page, 'rate');
    await page.keyboard.press('Escape');
    await page.locator('article.user').hover();
    await page.getByRole('button', { name: 'Edit' }).click();
    await page.getByRole('textbox', { name: 'Edit the message' }).waitFor();
    await expectGood(t, page, 'edit');
  });

  it('is nothing where a turn has failed, and where something was refused', async () => {
    t.model.script(failure(503));
    const page = await t.open();
    await say(page, 'Try');
    await page.getByRole('alert').waitFor();
    await expectGood(t, page, 'failed');
    t.faults.expected.push(NETWORK);
    t.proxy.otherwise = ({ method }) =>
      method === 'PATCH' ? { kind: 'answer', status: 422, body: '{}' } : { kind: 'none' };
    await options(page);
    await page.getByRole('menuitem', { name: 'Pin' }).click();
    const toast = page.locator('.toast.failure');
    await toast.waitFor();
    // It is gone in a few seconds, which four looks may take.
    await page.evaluate(
      `document.querySelector('.toasts').append(document.querySelector('.toast.failure').cloneNode(true))`,
    );
    await expectGood(t, page, 'toast');
  });

  it('is nothing while a turn waits, could not be sent, and nobody answers', async () => {
    const gate = hold();
    t.model.script(reply(['Half', gate]));
    const page = await t.open();
    await say(page, 'One');
    await lastReply(page).getByText('Half').waitFor();
    await say(page, 'Two');
    await page.getByText('Waits until the reply before it has ended.').waitFor();
    await box(page).fill('Three');
    await expectGood(t, page, 'queued');
    t.faults.expected.push(NETWORK);
    t.proxy.otherwise = ({ method }) =>
      method === 'POST' ? { kind: 'answer', status: 422, body: '{}' } : { kind: 'none' };
    await say(page, 'Four');
    await page.getByRole('button', { name: 'Back to the box' }).waitFor();
    await expectGood(t, page, 'refused');
    t.proxy.otherwise = () => ({ kind: 'lost' });
    t.proxy.disconnect();
    await page.getByText('No connection. Trying again…').waitFor();
    await expectGood(t, page, 'offline');
  });

  it.each([
    [320, 'en-US'],
    [3840, 'en-US'],
    [320, 'zh-CN'],
    [3840, 'zh-CN'],
  ] as const)('is nothing that is wider than its place, at %i px, in %s', async (width, locale) => {
    t.model.otherwise(reply(HARD, { reasoning: WORD }));
    const { id } = await t.api.conversation({ title: WORD.slice(0, 190) });
    await t.api.say(id, WORD);
    await t.api.say(id, 'And on.');
    const page = await t.open('', await t.context({ locale, viewport: { width, height: 900 } }));
    const message = page.locator('#message-box');
    await message.waitFor();
    const steps: Record<string, () => Promise<unknown>> = {
      new: () => Promise.resolve(),
      typed: () => message.fill(`${WORD}\n${WORD}`),
      chat: async () => {
        await page.goto(`${t.url}/#/c/${id}`);
        await page.locator('article.reply .katex').first().waitFor();
      },
      models: () => page.locator('.picker').click(),
      options: async () => {
        await page.keyboard.press('Escape');
        await page.locator('.chat > .bar > .icon-button').last().click();
        await page.locator('dialog[open]').waitFor();
      },
      settings: async () => {
        await page.keyboard.press('Escape');
        await page.goto(`${t.url}/#/settings`);
        await page.locator('dialog[open]').waitFor();
      },
      list: async () => {
        await page.keyboard.press('Escape');
        if (width < 700) await page.locator('.chat > .bar > .icon-button').first().click();
        await page.locator('nav .items a').first().waitFor();
      },
      hits: async () => {
        await page.locator('nav .search input').fill('Donau');
        await page.locator('nav .hits mark').first().waitFor();
      },
    };
    for (const [name, step] of Object.entries(steps)) {
      await step();
      expect([name, await overflows(page)]).toEqual([name, []]);
      await t.screenshot(page, `wide-${name}-${width}-${locale}`);
    }
  });
});
