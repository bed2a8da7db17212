import type { ModelServer } from '../../support/model-server';
import { reply } from '../../support/model-server/behaviours';
import { modelsEnv } from '../../support/models-file';
import { describePage, lastReply } from '../../support/page';

const ANSWER = `Water boils at a lower temperature on a mountain, because the air above presses less on it.

## What it means in the kitchen

| height | boiling point | eggs take |
|---|---|---|
| sea level | 100 °C | 8 min |
| 2,000 m | 93 °C | 10 min |
| 4,000 m | 87 °C | 15 min |

The pressure falls with the height $h$ about as $p = p_0 e^{-h/8400}$, so:

1. give things more time,
2. or cover the pot, and put something heavy on the lid.

\`\`\`python
def boiling_point(height_m: float) -> float:
    """Degrees Celsius, good enough below 5,000 m."""
    return 100 - height_m / 300
\`\`\`
`;

const WORD = 'Donaudampfschifffahrtselektrizitätenhauptbetriebswerkbauunterbeamtengesellschaft'.repeat(3);

/** What does not fit anywhere. */
const HARD = `${WORD}

\`${WORD}\` and [${WORD}](https://example.com/${WORD})

| ${WORD.slice(0, 60)} | a | b | c | d | e | f | g |
|---|---|---|---|---|---|---|---|
| one | two | three | four | five | six | seven | ${WORD.slice(0, 80)} |

- a list
  - in a list
    - in a list: ${WORD}

> quoted, with code:
>
> \`\`\`sh
> ${'echo something that is rather long && '.repeat(8)}true
> \`\`\`

\`\`\`ts
export const answer = ${JSON.stringify(WORD)}; // ${'a comment that goes on '.repeat(6)}
\`\`\`

$$\\sum_{i=1}^{n} a_i = ${Array.from({ length: 30 }, (_, index) => `a_{${index}}`).join(' + ')}$$

مرحبا، هذا نص من اليمين إلى اليسار مع \`code\` بداخله.

1. 中文、日本語と한국어가 함께 있습니다。${'没有空格的很长的一行文字'.repeat(8)}
`;

/** For people to look at: `SCREENSHOTS=DIR npm test -- test/e2e/page/looks`. */
(process.env.SCREENSHOTS ? describe : describe.skip)('looks', () => {
  const named = (model: ModelServer) => modelsEnv(model, '{id: qwen3-30b, context_window: 131072}');
  describePage('the screenshot of README.md', named, (t) => {
    it('has an answer with everything', async () => {
      const user = 'anna';
      const api = t.apiOf(user);
      for (const title of ['Holiday in Norway', 'Rewrite the release notes', 'Regular expression for dates'])
        await api.post('/conversations', { title });
      t.model.script(
        reply(ANSWER, { reasoning: 'They cook, so I keep it practical.', usage: { input: 41, output: 318 } }),
      );
      const context = await t.context({ viewport: { width: 1280, height: 940 } }, user);
      const page = await t.open('', context);
      await page.locator('#message-box').fill('Why does pasta take longer in the mountains?');
      await page.locator('#message-box').press('Enter');
      await lastReply(page).locator('.katex').first().waitFor();
      await lastReply(page).locator('.hljs-keyword').first().waitFor();
      await lastReply(page).locator('.facts').waitFor();
      await page.mouse.move(700, 100);
      await t.screenshot(page, 'page');
    });
  });

  describePage('screenshots of the page', {}, (t) => {
    it.each([
      [360, 740, 'light', 'en-US'],
      [360, 740, 'dark', 'zh-CN'],
      [1280, 800, 'light', 'en-US'],
      [1280, 800, 'dark', 'zh-CN'],
      [2560, 1440, 'dark', 'en-US'],
      [2560, 1440, 'light', 'zh-CN'],
      [3840, 2160, 'light', 'en-US'],
    ] as const)(
      '%i × %i, %s, %s',
      async (width, height, colorScheme, locale) => {
        const context = await t.context({ viewport: { width, height }, colorScheme, locale });
        const name = `${width}-${colorScheme}-${locale.slice(0, 2)}`;
        const page = await t.open('', context);
        const message = page.locator('#message-box');
        await message.waitFor();
        await t.screenshot(page, `${name}-new`);
        t.model.script(
          reply('Because it is small.'),
          reply(ANSWER, {
            reasoning: 'They cook, so I keep it practical.',
            usage: { input: 41, output: 318 },
          }),
          reply(HARD),
        );
        await message.fill('Why is the moon so bright?');
        await message.press('Enter');
        await lastReply(page).locator('.facts').waitFor();
        await page.goto(`${t.url}/#/`);
        await message.fill('Why does pasta take longer in the mountains?');
        await message.press('Enter');
        await lastReply(page).locator('.katex').first().waitFor();
        await lastReply(page).locator('.hljs-keyword').first().waitFor();
        await lastReply(page).locator('.facts').waitFor();
        await t.screenshot(page, `${name}-chat`);
        await page.locator('.picker').click();
        await t.screenshot(page, `${name}-models`);
        await page.keyboard.press('Escape');
        await page.goto(`${t.url}/#/`);
        await message.fill(`${WORD} ${'A question of some length. '.repeat(10)}`);
        await t.screenshot(page, `${name}-typing`);
        await message.press('Enter');
        await lastReply(page).locator('.katex').first().waitFor();
        await lastReply(page).locator('.facts').waitFor();
        await t.screenshot(page, `${name}-hard-end`);
        await page.locator('.scroller').evaluate((element) => element.scrollTo(0, 0));
        await t.screenshot(page, `${name}-hard`);
        await Promise.all(
          Array.from({ length: 60 }, (_, index) =>
            t.api.post('/conversations', { title: index % 7 ? `Conversation ${index}` : `${index} ${WORD}` }),
          ),
        );
        const { body } = await t.api.get<{ data: { id: string }[] }>('/conversations?limit=5');
        await t.api.patch(`/conversations/${body.data[2].id}`, { pinned: true });
        t.model.script(reply('Take a train.'));
        const { id: shared } = await t.api.conversation({ title: 'Shared with a friend' });
        await t.api.say(shared, 'How do I get to Bergen?');
        await page.reload();
        await message.waitFor();
        if (width < 700) await page.locator('.chat .bar .icon-button').first().click();
        await page.locator('nav .items a').nth(20).waitFor();
        await page.locator('nav .items a').nth(3).hover();
        await t.screenshot(page, `${name}-list`);
        await page.locator('nav .search input').fill('mountains');
        await page.locator('nav .hits').waitFor();
        await t.screenshot(page, `${name}-search`);
        await page.locator('nav .search input').fill('');
        await page.locator('nav .item', { hasText: 'Shared with a friend' }).locator('.options').click();
        await t.screenshot(page, `${name}-menu`);
        await page.locator('[role=menuitem]:has(.icon)').nth(4).click();
        await page.locator('dialog[open]').waitFor();
        await page.locator('dialog[open] [type=submit]').click();
        await page.locator('dialog[open] .made').waitFor();
        await t.screenshot(page, `${name}-share`);
        await page.keyboard.press('Escape');
        await page.goto(`${t.url}/#/c/00000000-0000-7000-8000-000000000000`);
        await page.locator('.chat .hint').waitFor();
        await t.screenshot(page, `${name}-missing`);
        t.faults.expected.push(/404/);
        await page.goto(`${t.url}/#/settings`);
        await page.getByRole('dialog').waitFor();
        await t.screenshot(page, `${name}-settings`);
        await page.goto(`${t.url}/#/settings/usage`);
        await page.locator('.totals').waitFor();
        await t.screenshot(page, `${name}-usage`);
      },
      180_000,
    );
  });
});
