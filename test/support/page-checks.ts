import axe from 'axe-core';
import type { Page } from 'playwright-core';
import type { PageFixture } from './page';

const SCREENSHOTS = Boolean(process.env.SCREENSHOTS);
const WIDTHS = [320, 1280];

/** What is wider than its place, and by how much. Code, tables and formulas are to be scrolled. */
const OVERFLOWS = `[document.documentElement, ...document.querySelectorAll('dialog[open], .scroller, .side-list, .bar, nav, main')]
  .filter((each) => each.scrollWidth > each.clientWidth && each.checkVisibility())
  .map((each) => each.tagName + '.' + each.className + ' ' + (each.scrollWidth - each.clientWidth))`;

/** Nothing is wider than the screen, and axe finds nothing, on a phone and on a desk, in both colours. */
export async function expectGood(t: PageFixture, page: Page, name: string): Promise<void> {
  const size = page.viewportSize();
  for (const colorScheme of ['light', 'dark'] as const) {
    await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' });
    for (const width of WIDTHS) {
      await page.setViewportSize({ width, height: 800 });
      await drawn(page);
      expect([name, width, await overflows(page)]).toEqual([name, width, []]);
      expect([name, width, colorScheme, await violations(page)]).toEqual([name, width, colorScheme, []]);
      await t.screenshot(page, `${name}-${width}-${colorScheme}`);
    }
  }
  if (SCREENSHOTS) await inChinese(t, page, name);
  if (size) await page.setViewportSize(size);
}

/** A page of another width is another one, a frame later. */
const drawn = (page: Page) =>
  page.evaluate(`new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve)))`);

export const overflows = (page: Page): Promise<string[]> => page.evaluate<string[]>(OVERFLOWS);

async function inChinese(t: PageFixture, page: Page, name: string): Promise<void> {
  await page.evaluate(`localStorage.setItem('parley.language', '"zh"')`);
  const copy = await page.context().newPage();
  await copy.goto(page.url());
  await copy
    .locator('section.panel')
    .waitFor({ timeout: 5_000 })
    .catch(() => undefined);
  for (const width of [360, 1280]) {
    await copy.setViewportSize({ width, height: 800 });
    await copy.waitForTimeout(300);
    await t.screenshot(copy, `${name}-${width}-zh`);
  }
  await copy.close();
  await page.evaluate(`localStorage.removeItem('parley.language')`);
}

async function violations(page: Page): Promise<string[]> {
  if (!(await page.evaluate(`typeof axe === 'object'`))) await page.evaluate(axe.source);
  return page.evaluate(`axe.run(document).then(({ violations }) =>
    violations.map(({ id, nodes }) => id + ' ' + nodes.map(({ html }) => html.slice(0, 200)).join(' ')))`);
}
