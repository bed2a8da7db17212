import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import type { Page } from 'playwright-core';
import { reply } from '../../support/model-server/behaviours';
import { hold } from '../../support/model-server/gate';
import { box, describePage, lastReply, say } from '../../support/page';
import { until } from '../../support/until';

const AXE = readFileSync(createRequire(__filename).resolve('axe-core/axe.min.js'), 'utf8');
const NETWORK = /ERR_|Failed to load resource/;
const WORDS = Array.from({ length: 60 }, (_, index) => `word${index} `);
const WHOLE = WORDS.join('').trim();

const textOf = (page: Page) => lastReply(page).locator('.prose').innerText();

describePage('the page and its connections', {}, (t) => {
  it('goes on after a reload in the middle of a reply', async () => {
    const gate = hold();
    t.model.script(reply([...WORDS.slice(0, 30), gate, ...WORDS.slice(30)]));
    const page = await t.open();
    await say(page, 'Go');
    await lastReply(page).getByText('word29').waitFor();
    await page.reload();
    await lastReply(page).getByText('word29').waitFor();
    expect(await textOf(page)).toBe(WORDS.slice(0, 30).join('').trim());
    gate.release();
    await lastReply(page).getByText('word59').waitFor();
    expect(await textOf(page)).toBe(WHOLE);
  });

  it('shows the same in two tabs, whichever of them asks', async () => {
    const gate = hold();
    t.model.script(reply(['Half', gate, ' whole.']), reply('And back.'));
    const context = await t.context();
    const one = await t.open('', context);
    await say(one, 'Hello');
    await lastReply(one).getByText('Half').waitFor();
    const two = await t.open(new URL(one.url()).hash.slice(2), context);
    await lastReply(two).getByText('Half').waitFor();
    gate.release();
    for (const page of [one, two]) await until(async () => (await textOf(page)) === 'Half whole.');
    await say(two, 'And?');
    for (const page of [one, two]) await lastReply(page).getByText('And back.').waitFor();
  });

  it('says that it has no connection, goes on by itself, and shows no word twice', async () => {
    const gate = hold();
    t.model.script(reply([...WORDS.slice(0, 30), gate, ...WORDS.slice(30)]));
    t.faults.expected.push(NETWORK);
    const page = await t.open();
    await say(page, 'Go');
    await lastReply(page).getByText('word10').waitFor();
    t.proxy.otherwise = () => ({ kind: 'lost' });
    t.proxy.disconnect();
    gate.release();
    await page.getByText('No connection. Trying again…').waitFor();
    t.proxy.otherwise = () => ({ kind: 'none' });
    await page.getByText('No connection. Trying again…').waitFor({ state: 'detached' });
    await until(async () => (await textOf(page)) === WHOLE);
    expect(t.model.requests).toHaveLength(1);
  });

  it('is told what happened while it had no connection, also where it had heard nothing before', async () => {
    t.faults.expected.push(NETWORK);
    const page = await t.open();
    await page.getByText('Nothing here yet.').waitFor();
    t.proxy.otherwise = () => ({ kind: 'lost' });
    t.proxy.disconnect();
    await page.getByText('No connection. Trying again…').waitFor();
    expect((await t.api.post('/conversations', { title: 'From elsewhere' })).status).toBe(201);
    t.proxy.otherwise = () => ({ kind: 'none' });
    await page.getByRole('link', { name: 'From elsewhere' }).waitFor();
  });

  it('shows no word twice where its feed has to begin anew', async () => {
    t.faults.expected.push(NETWORK);
    const [gate, end] = [hold(), hold()];
    t.model.script(reply([...WORDS.slice(0, 30), gate, ...WORDS.slice(30, 40), end, ...WORDS.slice(40)]));
    const page = await t.open();
    await say(page, 'Go');
    await lastReply(page).getByText('word29').waitFor();
    let refused = 0;
    t.proxy.otherwise = ({ url }) =>
      url.includes('/events') && refused++ === 0
        ? { kind: 'answer', status: 400, headers: { 'content-type': 'text/plain' } }
        : { kind: 'none' };
    t.proxy.disconnect();
    await until(() => Promise.resolve(refused > 1));
    gate.release();
    await lastReply(page).getByText('word39').waitFor();
    expect(await textOf(page)).toBe(WORDS.slice(0, 40).join('').trim());
    end.release();
    await until(async () => (await textOf(page)) === WHOLE);
  });

  it('goes on when the service has been restarted', async () => {
    t.faults.expected.push(NETWORK);
    t.model.script(reply([...WORDS.slice(0, 30), hold()]), reply('Here again.'));
    const page = await t.open();
    await say(page, 'Go');
    await lastReply(page).getByText('word20').waitFor();
    await t.killService();
    await page.getByText('No connection. Trying again…').waitFor();
    await t.startService();
    await page
      .getByRole('alert')
      .filter({ hasText: 'The service was restarted meanwhile.' })
      .waitFor({ timeout: 60_000 });
    expect(WHOLE.startsWith(await textOf(page))).toBe(true);
    await say(page, 'Are you there?');
    await lastReply(page).getByText('Here again.').waitFor();
  }, 120_000);
});

describePage('the page for everybody', {}, (t) => {
  it.each([320, 1280])('has no fault that axe finds, at %i px', async (width) => {
    t.model.script(
      reply('## Title\n\nText with `code`.\n\n```js\nlet a = "b"; // c\n```\n\n| a |\n|---|\n| 1 |\n', {
        reasoning: 'Hm.',
      }),
    );
    for (const colorScheme of ['light', 'dark'] as const) {
      const context = await t.context({ viewport: { width, height: 720 }, colorScheme, bypassCSP: true });
      const page = await t.open('', context);
      await say(page, 'Hello');
      await lastReply(page).locator('.hljs-string, .prose').last().waitFor();
      await lastReply(page).getByRole('button', { name: 'Copy' }).last().waitFor();
      const states = [
        async () => undefined,
        async () => page.getByRole('button', { name: /^Model/ }).click(),
        async () => {
          await page.keyboard.press('Escape');
          await page.getByRole('button', { name: 'Conversation settings' }).click();
        },
        async () => {
          await page.keyboard.press('Escape');
          await page.goto(`${t.url}/#/settings`);
          await page.getByRole('dialog').waitFor();
        },
        async () => {
          await page.keyboard.press('Escape');
          if (width < 700) await page.getByRole('button', { name: 'Show conversations' }).click();
        },
      ];
      for (const enter of states) {
        await enter();
        await page.evaluate(AXE);
        const { violations } = (await page.evaluate(`axe.run(document)`)) as {
          violations: { id: string; nodes: { html: string }[] }[];
        };
        expect(violations.map(({ id, nodes }) => [id, nodes.map(({ html }) => html)])).toEqual([]);
      }
      const overflow = await page.evaluate(`document.documentElement.scrollWidth - innerWidth`);
      expect(overflow).toBeLessThanOrEqual(0);
    }
  });

  it('is used by keyboard alone', async () => {
    const page = await t.open();
    await box(page).waitFor();
    await page.keyboard.press('Control+k');
    await until(async () => (await page.evaluate(`document.activeElement.type`)) === 'search');
    await page.keyboard.press('Shift+Escape');
    await until(async () => (await page.evaluate(`document.activeElement.id`)) === 'message-box');
    await page.keyboard.type('By keyboard');
    await page.keyboard.press('Enter');
    await lastReply(page).getByRole('button', { name: 'Copy' }).waitFor();
    await page.locator('[aria-live="polite"]', { hasText: 'Answer:' }).waitFor({ state: 'attached' });
    await page.getByRole('button', { name: 'Model: test-model' }).focus();
    await page.keyboard.press('Enter');
    await until(
      async () => (await page.evaluate(`document.activeElement.getAttribute('role')`)) === 'menuitemradio',
    );
    await page.keyboard.press('Escape');
    await until(async () =>
      String(await page.evaluate(`document.activeElement.ariaLabel`)).startsWith('Model'),
    );
    await page.keyboard.press('Control+Shift+O');
    await page.getByRole('heading', { name: 'What is on your mind?' }).waitFor();
    expect(
      await page.evaluate(`getComputedStyle(document.activeElement.closest('form')).borderColor`),
    ).not.toBe('');
  });
});
