import { reply } from '../../support/model-server/behaviours';
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

/** For people to look at: \`SCREENSHOTS=DIR npm test -- test/e2e/page/looks\`. */
(process.env.SCREENSHOTS ? describe : describe.skip)('looks', () => {
  describePage('screenshots of the page', {}, (t) => {
    it.each([
      [360, 740, 'light', 'en-US'],
      [1280, 800, 'light', 'en-US'],
      [1280, 800, 'dark', 'zh-CN'],
      [2560, 1440, 'dark', 'en-US'],
    ] as const)('%i × %i, %s, %s', async (width, height, colorScheme, locale) => {
      const context = await t.context({ viewport: { width, height }, colorScheme, locale });
      const name = `${width}-${colorScheme}-${locale.slice(0, 2)}`;
      const page = await t.open('', context);
      const message = page.locator('#message-box');
      await message.waitFor();
      await t.screenshot(page, `${name}-new`);
      t.model.script(
        reply('Because it is small.'),
        reply(ANSWER, { reasoning: 'They cook, so I keep it practical.', usage: { input: 41, output: 318 } }),
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
      await page.goto(`${t.url}/#/settings`);
      await page.getByRole('dialog').waitFor();
      await t.screenshot(page, `${name}-settings`);
    });
  });
});
