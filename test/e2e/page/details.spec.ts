import type { Page } from 'playwright-core';
import type { ModelServer } from '../../support/model-server';
import { reply } from '../../support/model-server/behaviours';
import { hold } from '../../support/model-server/gate';
import { modelsEnv } from '../../support/models-file';
import { box, describePage, lastReply, say } from '../../support/page';
import { until } from '../../support/until';

const side = (page: Page) => page.getByRole('navigation', { name: 'Conversations' });
const listed = (page: Page, title: string) => side(page).getByRole('link', { name: title });
const searchField = (page: Page) => page.getByRole('searchbox', { name: 'Search conversations' });
const heightOf = (page: Page) => box(page).evaluate((element) => element.clientHeight);

async function act(page: Page, title: string, name: string): Promise<void> {
  await listed(page, title).hover();
  await page.getByRole('button', { name: `Options for ${title}` }).click();
  await page.getByRole('menuitem', { name }).click();
}

describePage('details of the page', {}, (t) => {
  it('works where the browser has no secure context, as on a local network', async () => {
    const context = await t.context();
    await context.addInitScript(`delete Crypto.prototype.randomUUID; delete Navigator.prototype.clipboard`);
    const page = await t.open('', context);
    await say(page, 'Hello');
    await lastReply(page).getByRole('button', { name: 'Regenerate' }).waitFor();
    expect(await page.evaluate(`typeof crypto.randomUUID`)).toBe('undefined');
    await lastReply(page).getByRole('button', { name: 'Copy' }).click();
    await page.getByText('The browser does not allow copying here.').waitFor();
  });

  it.each(['%', '%E0%A4%A', 'nowhere'])(
    'shows a new chat at #/%s, which is no address of it',
    async (path) => {
      const page = await t.open(path);
      await page.getByRole('heading', { name: 'What is on your mind?' }).waitFor();
      await say(page, 'Hello');
      await lastReply(page).getByRole('button', { name: 'Regenerate' }).waitFor();
      await page.evaluate(`location.hash = '#/${path}'`);
      await page.getByRole('heading', { name: 'What is on your mind?' }).waitFor();
    },
  );

  it('finds words in messages, and opens the conversation at the one that has them', async () => {
    const { id } = await t.api.conversation({ title: 'About the sea' });
    await t.api.say(id, 'Which animal is a narwhal?');
    // More than a page of the conversation lies below it.
    for (let turn = 0; turn < 30; turn++) await t.api.say(id, `Turn ${turn}`);
    const page = await t.open();
    await listed(page, 'About the sea').waitFor();
    await searchField(page).fill('narw');
    const hits = side(page).getByRole('list', { name: 'Found' });
    await hits.locator('mark').first().waitFor();
    expect(await hits.locator('mark').first().textContent()).toBe('narwhal');
    await hits.getByRole('link').first().click();
    const found = page.locator('article.found');
    await found.getByText('Which animal is a narwhal?').waitFor();
    await until(() =>
      found.evaluate((element) => {
        const { top, bottom } = element.getBoundingClientRect();
        return top >= 0 && bottom <= 800;
      }),
    );
    await searchField(page).fill('unheard-of');
    await side(page).getByText('Nothing found.').waitFor();
  });

  it('begins a line at Shift+Enter, and the box grows, up to a part of the window', async () => {
    const page = await t.open();
    await box(page).fill('One');
    const before = await heightOf(page);
    for (const word of ['Two', 'Three', 'Four']) {
      await page.keyboard.press('Shift+Enter');
      await page.keyboard.type(word);
    }
    expect(await box(page).inputValue()).toBe('One\nTwo\nThree\nFour');
    expect(await heightOf(page)).toBeGreaterThan(before * 2);
    expect(t.model.requests).toHaveLength(0);
    await box(page).fill('line\n'.repeat(200));
    expect(await heightOf(page)).toBeLessThanOrEqual(800 * 0.4);
    await box(page).fill('One\nTwo');
    await page.keyboard.press('Enter');
    await lastReply(page).waitFor();
    expect(await page.locator('article.user .bubble').innerText()).toBe('One\nTwo');
    await until(async () => (await heightOf(page)) <= before);
  });

  it('hides the conversations on a phone until they are asked for, and after one is chosen', async () => {
    const { id } = await t.api.conversation({ title: 'Alpha' });
    const page = await t.open('', await t.context({ viewport: { width: 360, height: 740 } }));
    await box(page).waitFor();
    expect(await side(page).count()).toBe(0);
    const opener = page.getByRole('button', { name: 'Show conversations' });
    await opener.click();
    await listed(page, 'Alpha').click();
    await side(page).waitFor({ state: 'detached' });
    expect(page.url()).toContain(id);
    await opener.click();
    await page.getByRole('button', { name: 'Hide conversations' }).click();
    await side(page).waitFor({ state: 'detached' });
    await opener.click();
    await side(page).waitFor();
    await page.keyboard.press('Escape');
    await side(page).waitFor({ state: 'detached' });
  });

  it('goes on with an answer that reached its greatest length', async () => {
    t.model.script(reply('So far', { finish: 'length' }), reply(' and further.'));
    const page = await t.open();
    await say(page, 'Begin');
    await page.getByText('The answer reached its greatest length.').waitFor();
    await page.getByRole('button', { name: 'Continue' }).click();
    await lastReply(page).getByText('So far and further.').waitFor();
    expect(await page.getByText('The answer reached its greatest length.').count()).toBe(0);
  });

  it('groups conversations by when they were used', async () => {
    const days = { Now: 0, Before: 1, Week: 5, Month: 20, Old: 400 };
    for (const title of Object.keys(days)) await t.api.conversation({ title: `${title} ${t.user}` });
    await t.inDatabase(
      Object.entries(days).map(([title, age]) => [
        `UPDATE conversations SET last_activity_at = last_activity_at - make_interval(days => $1) WHERE title = $2`,
        [age, `${title} ${t.user}`],
      ]),
    );
    const page = await t.open();
    await listed(page, 'Old').waitFor();
    const groups = await page.evaluate(`[...document.querySelectorAll('nav section')].map((each) =>
      [...each.querySelectorAll('h2, .title')].map((one) => one.innerText))`);
    const old = new Date(Date.now() - 400 * 86_400_000).toLocaleDateString('en', {
      month: 'long',
      year: 'numeric',
    });
    expect(groups).toEqual(
      ['Today', 'Yesterday', 'Previous 7 days', 'Previous 30 days', old].map((name, index) => [
        name,
        `${Object.keys(days)[index]} ${t.user}`,
      ]),
    );
  });

  it('says how many tokens a conversation took, and no cost where prices are unknown', async () => {
    t.model.script(reply('One.', { usage: { input: 1_000, output: 234 } }));
    const page = await t.open();
    await page.getByRole('button', { name: 'Conversation settings' }).click();
    await page.getByRole('dialog').waitFor();
    expect(await page.getByText('This conversation:').count()).toBe(0);
    await page.keyboard.press('Escape');
    await say(page, 'First');
    await lastReply(page).getByRole('button', { name: 'Regenerate' }).waitFor();
    await page.getByRole('button', { name: 'Conversation settings' }).click();
    await page.getByText('This conversation: 1,234 tokens', { exact: true }).waitFor();
  });
});

const PRICED = (model: ModelServer) => ({
  ...modelsEnv(
    model,
    '{id: small, price: {input: 1, output: 10}}',
    '{id: large, reasoning: true, context_window: 1000000}',
    '{id: narrow, max_concurrent: 1}',
  ),
  TITLE_MODEL: 'small',
});

describePage('details of a page with several models', PRICED, (t) => {
  async function choose(page: Page, name: string): Promise<void> {
    await page.getByRole('button', { name: /^Model: / }).click();
    await page.getByRole('menuitemradio', { name }).click();
    await page.getByRole('button', { name: `Model: ${name}` }).waitFor();
  }

  it('asks the model that was picked, from the next turn on', async () => {
    t.model.otherwise(reply('Well.'));
    const page = await t.open();
    await say(page, 'First');
    await lastReply(page).getByText('Well.').waitFor();
    await page.getByRole('button', { name: 'Model: small' }).click();
    const large = page.getByRole('menuitemradio', { name: 'large' });
    await large.getByText('Reasoning').waitFor();
    await large.getByText('1M context').waitFor();
    await page.keyboard.press('Escape');
    await choose(page, 'large');
    await say(page, 'Second');
    await lastReply(page).locator('.facts').getByText('large').waitFor();
    await page.reload();
    await page.getByRole('button', { name: 'Model: large' }).waitFor();
    const asked = t.model.requests.filter(({ body }) => body.messages?.at(-1)?.content === 'Second');
    expect(asked.map(({ body }) => body.model)).toEqual(['large']);
  });

  it('says what a conversation has cost', async () => {
    t.model.otherwise(reply('One.', { usage: { input: 1_000, output: 2_000 } }));
    const { id } = await t.api.conversation({ title: 'Named', model: 'small' });
    const page = await t.open(`c/${id}`);
    await say(page, 'First');
    await lastReply(page).getByRole('button', { name: 'Regenerate' }).waitFor();
    await page.getByRole('button', { name: 'Conversation settings' }).click();
    await page.getByText('This conversation: 3,000 tokens · $0.021', { exact: true }).waitFor();
  });

  it('says the place of a reply that waits for its model, as it changes', async () => {
    const [first, second] = [hold(), hold()];
    t.model.script(reply(['One', first]), reply(['Two', second]), reply('Three.'));
    for (const title of ['One', 'Two', 'Three']) await t.api.conversation({ title, model: 'narrow' });
    const page = await t.open();
    for (const title of ['One', 'Two', 'Three']) {
      await listed(page, title).click();
      await say(page, `Say ${title}`);
      if (title === 'One') await lastReply(page).getByText('One').waitFor();
      if (title === 'Two') await page.getByText('Waits for the model: place 1.').waitFor();
    }
    await page.getByText('Waits for the model: place 2.').waitFor();
    first.release();
    await page.getByText('Waits for the model: place 1.').waitFor();
    second.release();
    await lastReply(page).getByText('Three.').waitFor();
  });

  it('suggests a title in place of one that somebody gave', async () => {
    t.model.otherwise(reply('Whales of the north'));
    const { id } = await t.api.conversation({ title: 'My own' });
    await t.api.say(id, 'What lives up there?');
    const page = await t.open(`c/${id}`);
    await act(page, 'My own', 'Suggest a title');
    await listed(page, 'Whales of the north').waitFor();
    await until(async () => (await page.title()) === 'Whales of the north – Parley');
  });
});
