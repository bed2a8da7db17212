import { failure, reply } from '../../support/model-server/behaviours';
import { hold } from '../../support/model-server/gate';
import { box, describePage, lastReply, say } from '../../support/page';
import { until } from '../../support/until';

const RICH = [
  '## A title\n\nSome *words* with `code` and a [link](https://example.com).\n\n',
  '| a | b |\n|---|---|\n| 1 | 2 |\n\n',
  '```js\nconst answer = 42;\n```\n\n',
  '- one\n- two\n\n',
  'مرحبا بالعالم\n\n',
  'Energy: $E = mc^2$.\n',
];

describePage('the conversation of the page', {}, (t) => {
  it('streams a reply as Markdown, and draws only its end again', async () => {
    const [half, end] = [hold(), hold()];
    t.model.script(reply(['Hello **world**.\n\nSecond', half, ' paragraph.\n\nThird', end, '.']));
    const page = await t.open();
    await say(page, 'Hi there');
    await half.reached;
    const answer = lastReply(page);
    await answer.getByText('Second').waitFor();
    expect(await answer.locator('strong').textContent()).toBe('world');
    await page.evaluate(`window.first = document.querySelector('article.reply .block strong')`);
    half.release();
    await answer.getByText('Third').waitFor();
    end.release();
    await answer.getByText('Third.').waitFor();
    await page.getByRole('button', { name: 'Regenerate' }).waitFor();
    expect(await page.evaluate(`window.first.isConnected`)).toBe(true);
    expect(await page.locator('article.user .bubble').textContent()).toBe('Hi there');
    expect(page.url()).toMatch(/#\/c\/[0-9a-f-]{36}$/);
    expect(await box(page).inputValue()).toBe('');
  });

  it('shows tables, code with its colours, lists, formulas and text from right to left', async () => {
    t.model.script(reply(RICH));
    const page = await t.open();
    await say(page, 'Show me everything');
    const answer = lastReply(page);
    await answer.locator('.katex').first().waitFor();
    await answer.locator('.hljs-keyword').waitFor();
    expect(await answer.getByRole('table').getByRole('cell').allTextContents()).toEqual(['1', '2']);
    expect(await answer.getByRole('listitem').count()).toBe(2);
    const direction = `getComputedStyle([...document.querySelectorAll('.prose p')].find((p) => p.textContent.startsWith('مرحبا'))).direction`;
    expect(await page.evaluate(direction)).toBe('rtl');
    expect(await answer.getByRole('link', { name: 'link' }).getAttribute('rel')).toBe('noopener noreferrer');
    await t.screenshot(page, 'rich');
  });

  it('stops a reply, and goes on with it', async () => {
    t.model.script(reply(['So far', hold()]), reply(' and further.'));
    const page = await t.open();
    await say(page, 'Begin');
    await lastReply(page).getByText('So far').waitFor();
    await page.getByRole('button', { name: 'Stop', exact: true }).click();
    await page.getByText('Stopped.').waitFor();
    await page.getByRole('button', { name: 'Continue' }).click();
    await lastReply(page).getByText('So far and further.').waitFor();
  });

  it('says what went wrong and what to do, and tries again', async () => {
    t.model.script(failure(503), reply('Now it works.'));
    const page = await t.open();
    await say(page, 'Try');
    await page.getByRole('alert').filter({ hasText: 'Try again, or choose another model.' }).waitFor();
    await page.getByRole('button', { name: 'Try again' }).click();
    await lastReply(page).getByText('Now it works.').waitFor();
  });

  it('lists conversations by day, marks what runs and what was not read, and opens them', async () => {
    const gate = hold();
    t.model.script(reply('One.'), reply(['Two', gate, '.']));
    const page = await t.open();
    await say(page, 'First');
    await lastReply(page).getByText('One.').waitFor();
    await page.getByRole('button', { name: 'Regenerate' }).waitFor();
    // It has ended where it was seen.
    await until(async () => {
      const { data } = (await t.api.get<{ data: { unread: boolean }[] }>('/conversations')).body;
      return data.length === 1 && !data[0].unread;
    });
    await page.getByRole('button', { name: 'New chat' }).click();
    await say(page, 'Second');
    await lastReply(page).getByText('Two').waitFor();
    const list = page.getByRole('navigation', { name: 'Conversations' });
    await list.getByRole('heading', { name: 'Today' }).waitFor();
    await list.getByRole('img', { name: 'answering' }).waitFor();
    await list.getByRole('link', { name: 'First' }).click();
    await lastReply(page).getByText('One.').waitFor();
    gate.release();
    await list.getByRole('img', { name: 'unread' }).waitFor();
    await list.getByRole('link', { name: 'Second' }).click();
    await lastReply(page).getByText('Two.').waitFor();
    await list.getByRole('img', { name: 'unread' }).waitFor({ state: 'detached' });
  });

  it('speaks Chinese to whoever reads Chinese, until they choose', async () => {
    const context = await t.context({ locale: 'zh-CN', colorScheme: 'dark' });
    const page = await t.open('', context);
    await page.getByRole('heading', { name: '想聊点什么？' }).waitFor();
    expect(await page.locator('html').getAttribute('lang')).toBe('zh-CN');
    expect(await page.evaluate(`getComputedStyle(document.body.parentElement).backgroundColor`)).toBe(
      'rgb(27, 28, 30)',
    );
    await page.getByRole('button', { name: `${t.user} 设置` }).click();
    await page.getByLabel('语言').selectOption('en');
    await page.getByLabel('Colours').selectOption('light');
    await page.keyboard.press('Escape');
    await page.reload();
    await page.getByRole('heading', { name: 'What is on your mind?' }).waitFor();
    expect(await page.evaluate(`getComputedStyle(document.body.parentElement).backgroundColor`)).toBe(
      'rgb(255, 255, 255)',
    );
  });
});

describePage(
  'the page where nobody has set anything up',
  { OPENAI_API_KEY: '', OPENAI_BASE_URL: '', OPENAI_MODEL: '' },
  (t) => {
    it('asks for a name, and says that the demo model is no AI', async () => {
      const page = await t.open('', await t.context({}, ''));
      await page.getByRole('textbox', { name: 'Name' }).fill(t.user);
      await page.getByRole('button', { name: 'Go on' }).click();
      await page.getByText('The built-in demo model answers here').waitFor();
      await say(page, 'Hello');
      await lastReply(page).getByText('not an AI').waitFor();
      await t.screenshot(page, 'demo');
    });
  },
);
