import type { Page } from 'playwright-core';
import { reply } from '../../support/model-server/behaviours';
import { describePage, lastReply, say } from '../../support/page';

/** Of the one conversation that there is. */
async function openShares(page: Page) {
  await page.getByRole('navigation', { name: 'Conversations' }).getByRole('listitem').hover();
  await page.getByRole('button', { name: /^Options for/ }).click();
  await page.getByRole('menuitem', { name: 'Share' }).click();
  return page.getByRole('dialog', { name: 'Share this conversation' });
}

describePage('what the page shares', {}, (t) => {
  it('is seen by whoever has the link, goes on as a copy of theirs, and ends when it is taken back', async () => {
    t.model.script(reply('To the **north**.'), reply('By train.'));
    const page = await t.open();
    await say(page, 'Where to?');
    await lastReply(page).getByText('north').waitFor();
    const dialog = await openShares(page);
    await dialog.getByRole('button', { name: 'Make a link' }).click();
    const link = await dialog.getByRole('textbox', { name: 'Link' }).inputValue();
    expect(link).toContain(`${t.url}/#/shared/`);
    await t.screenshot(page, 'share-dialog');

    const path = new URL(link).hash.slice(2);
    const anybody = await t.open(path, await t.context({}, ''));
    await anybody.locator('.bubble', { hasText: 'Where to?' }).waitFor();
    expect(await anybody.locator('.prose strong').textContent()).toBe('north');
    expect(await anybody.getByRole('button').count()).toBe(0);
    await t.screenshot(anybody, 'shared');

    const friend = await t.open(path, await t.context({}, `${t.user}-friend`));
    await friend.getByRole('button', { name: 'Go on with it' }).click();
    await say(friend, 'And how?');
    await lastReply(friend).getByText('By train.').waitFor();
    expect(await friend.locator('article.user').count()).toBe(2);
    expect(await page.locator('article.user').count()).toBe(1);

    await dialog.getByRole('button', { name: 'End' }).click();
    await dialog.getByRole('button', { name: 'End' }).waitFor({ state: 'detached' });
    t.faults.expected.push(/404/);
    await anybody.reload();
    await anybody.getByText('Nothing is shared under this link').waitFor();
  });

  it('shows what comes later where it is to, and waits for the service', async () => {
    t.model.script(reply('One.'), reply('Two.'));
    const page = await t.open();
    await say(page, 'First');
    await lastReply(page).getByText('One.').waitFor();
    const dialog = await openShares(page);
    await dialog.getByRole('checkbox').check();
    await dialog.getByRole('button', { name: 'Make a link' }).click();
    const link = await dialog.getByRole('textbox', { name: 'Link' }).inputValue();
    await page.keyboard.press('Escape');
    await say(page, 'Second');
    await lastReply(page).getByText('Two.').waitFor();

    t.faults.expected.push(/ERR_|Failed to load/);
    t.proxy.otherwise = ({ url }) =>
      url.includes('/shared/') ? { kind: 'answer', status: 503, body: '' } : { kind: 'none' };
    const anybody = await t.open(new URL(link).hash.slice(2), await t.context({}, ''));
    await anybody.getByRole('status').getByText('cannot be reached').waitFor();
    t.proxy.otherwise = () => ({ kind: 'none' });
    await anybody.getByText('Two.').waitFor();
  });
});
