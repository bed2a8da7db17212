import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { BrowserContextOptions, Page } from 'playwright-core';
import { bearer, logIn, PASSWORD, signUp } from '../../support/accounts';
import type { ChatMessage } from '../../support/api-client';
import type { ModelServer } from '../../support/model-server';
import { reply, status } from '../../support/model-server/behaviours';
import { hold } from '../../support/model-server/gate';
import { modelsEnv } from '../../support/models-file';
import { OperatorCommand } from '../../support/operator-command';
import { describePage, lastReply, say } from '../../support/page';
import { expectGood } from '../../support/page-checks';
import { until } from '../../support/until';

const settings = (page: Page) => page.getByRole('dialog', { name: 'Settings' });
const panel = (page: Page, name: string) => settings(page).getByRole('region', { name, exact: true });
const entry = (page: Page, text: string) => page.getByRole('listitem').filter({ hasText: text });
const button = (page: Page, name: string) => page.getByRole('button', { name, exact: true });

const dataDir = mkdtempSync(join(tmpdir(), 'parley-panels-'));
const TOKEN_MODE = {
  AUTH_MODE: 'token',
  ENCRYPTION_KEY: randomBytes(32).toString('base64'),
  PROVIDER_ALLOWED_HOSTS: '127.0.0.1',
  DATA_DIR: dataDir,
};

describePage('the panels of accounts', TOKEN_MODE, (t) => {
  beforeAll(async () => {
    const env = { ...TOKEN_MODE, ADMIN_PASSWORD: PASSWORD };
    const { code, err } = await new OperatorCommand(
      'admin',
      ['create', 'root', 'root@example.com'],
      dataDir,
      env,
    ).result;
    expect([code, err]).toEqual([0, '']);
  });
  afterAll(() => rmSync(dataDir, { recursive: true, force: true }));

  /** Signs in, with an account of this test unless it is named, at this panel. */
  async function open(name: string, account?: string, options: BrowserContextOptions = {}): Promise<Page> {
    if (!account) await signUp(t.url, t.user);
    const page = await t.open(`settings/${name}`, await t.context(options));
    await page.getByRole('textbox', { name: 'User name or e-mail' }).fill(account ?? t.user);
    await page.getByLabel('Password').fill(PASSWORD);
    await button(page, 'Sign in').click();
    await settings(page).waitFor();
    return page;
  }

  it('account: name and password are changed, data is taken away, and the account deleted with the password', async () => {
    const page = await open('account');
    const account = panel(page, 'Account');
    await account.getByLabel('User name').fill(`${t.user}-new`);
    await account.getByRole('button', { name: 'Save' }).click();
    await account.getByText('Saved.').waitFor();

    t.faults.expected.push(/401|403/);
    const next = 'another walk in the sun';
    await account.getByLabel('Current password').fill('wrong of course');
    await account.getByLabel('New password').fill(next);
    await account.getByRole('button', { name: 'Change the password' }).click();
    await account.getByRole('alert').filter({ hasText: 'are not right' }).waitFor();
    await account.getByLabel('Current password').fill(PASSWORD);
    await account.getByRole('button', { name: 'Change the password' }).click();
    await account.getByText('All other sessions have ended').waitFor();
    await logIn(t.url, `${t.user}-new`, next);
    await expectGood(t, page, 'account');

    const download = page.waitForEvent('download');
    await account.getByRole('button', { name: 'Export' }).click();
    expect(await readFile(await (await download).path(), 'utf8')).toContain(`"username":"${t.user}-new"`);

    // As the service answers when the password was given long ago.
    const body = JSON.stringify({
      type: 'about:blank',
      title: 'Forbidden',
      status: 403,
      code: 'reauthentication_required',
      detail: 'Give the password again first.',
    });
    let refused = false;
    t.proxy.otherwise = ({ method }) => {
      if (method !== 'DELETE' || refused) return { kind: 'none' };
      refused = true;
      return { kind: 'answer', status: 403, headers: { 'content-type': 'application/problem+json' }, body };
    };
    await account.getByRole('button', { name: 'Delete the account' }).click();
    await button(page, 'Delete for good').click();
    const question = page.getByRole('dialog', { name: 'Your password, please' });
    await question.getByLabel('Password').fill('wrong of course');
    await question.getByRole('button', { name: 'Go on' }).click();
    await question.getByRole('alert').waitFor();
    await question.getByLabel('Password').fill(next);
    await question.getByRole('button', { name: 'Go on' }).click();
    await page.getByRole('heading', { name: 'Sign in' }).waitFor();
    await expect(logIn(t.url, `${t.user}-new`, next)).rejects.toThrow('401');
  });

  it('API keys: one is made, shown once, works, and is revoked', async () => {
    const page = await open('keys');
    await page.getByText('There are no keys.').waitFor();
    await button(page, 'Make a key').click();
    const dialog = page.getByRole('dialog', { name: 'Make a key' });
    await dialog.getByLabel('Name').fill('Nightly import');
    await dialog.getByLabel('Ends after').selectOption('30');
    await dialog.getByLabel('Allow only some things').check();
    await dialog.getByLabel('Read conversations').check();
    await expectGood(t, page, 'key');
    await dialog.getByRole('button', { name: 'Make a key' }).click();
    const key = await page.getByRole('textbox', { name: 'Key', exact: true }).inputValue();
    expect((await bearer(t.url, key).get('/conversations')).status).toBe(200);
    expect((await bearer(t.url, key).post('/conversations', {})).status).toBe(403);
    await button(page, 'Done').click();
    await entry(page, 'Nightly import').getByText('conversations:read').waitFor();
    expect(await page.getByText(key).count()).toBe(0);
    await expectGood(t, page, 'keys');
    await button(page, 'Revoke Nightly import').click();
    await page.getByRole('dialog').getByRole('button', { name: 'Revoke', exact: true }).click();
    await page.getByText('There are no keys.').waitFor();
    expect((await bearer(t.url, key).get('/conversations')).status).toBe(401);
  });

  it('providers: one is added, its models are found and checked, it is changed and deleted', async () => {
    t.model.otherwise((exchange) => {
      const { url, body } = exchange.request;
      if (url.endsWith('/models')) return status(200, { data: [{ id: 'small' }, { id: 'large' }] })(exchange);
      return body.model === 'small'
        ? reply('Yes')(exchange)
        : status(404, { error: { code: 'model_not_found', message: 'No.' } })(exchange);
    });
    const page = await open('providers');
    await page.getByText('There are no providers of your own.').waitFor();
    await button(page, 'Add a provider').click();
    const dialog = page.getByRole('dialog', { name: 'Add a provider' });
    await dialog.getByLabel('Name').fill('mine');
    await dialog.getByLabel('Address').fill(t.model.url);
    await dialog.getByLabel('API key').fill('sk-canary-of-mine-4711');
    await expectGood(t, page, 'provider');
    await dialog.getByRole('button', { name: 'Save' }).click();
    const mine = entry(page, t.model.url).first();
    await mine.getByText('answers (').waitFor();
    await mine.getByText('is not known to the provider').waitFor();
    expect(await page.content()).not.toContain('sk-canary');
    await expectGood(t, page, 'providers');

    await button(page, 'Edit mine').click();
    const edit = page.getByRole('dialog', { name: 'Edit mine' });
    await edit.getByLabel('Models (one per line)').fill('small');
    await edit.getByRole('button', { name: 'Save' }).click();
    await edit.waitFor({ state: 'detached' });
    await mine.getByText('large').waitFor({ state: 'detached' });
    await button(page, 'Delete mine').click();
    await page
      .getByRole('dialog', { name: 'Delete mine' })
      .getByRole('button', { name: 'Delete', exact: true })
      .click();
    await page.getByText('There are no providers of your own.').waitFor();
  });

  it('users: an administrator finds one, locks and unlocks them, makes one and deletes them', async () => {
    const person = await signUp(t.url, `${t.user}-person`);
    const page = await open('users', 'root');
    await entry(page, person.username).waitFor();
    await expectGood(t, page, 'users');
    await page.getByRole('searchbox', { name: 'Search users' }).fill(person.username);
    await entry(page, 'root@').waitFor({ state: 'detached' });
    const act = async (name: string) => {
      await button(page, `Options for ${person.username}`).click();
      await page.getByRole('menuitem', { name }).click();
    };
    await act('Lock');
    await entry(page, person.username).getByText('locked').waitFor();
    await expect(logIn(t.url, person.username)).rejects.toThrow('401');
    await act('Unlock');
    await entry(page, person.username).getByText('locked').waitFor({ state: 'detached' });
    await logIn(t.url, person.username);
    await act('Delete');
    await page
      .getByRole('dialog', { name: `Delete ${person.username}?` })
      .getByRole('button', { name: 'Delete', exact: true })
      .click();
    await page.getByText('Nothing found.').waitFor();
    await expect(logIn(t.url, person.username)).rejects.toThrow('401');

    const made = `${t.user}-made`;
    await page.getByRole('searchbox', { name: 'Search users' }).fill('');
    await button(page, 'Make a user').click();
    const dialog = page.getByRole('dialog', { name: 'Make a user' });
    await dialog.getByLabel('User name').fill(made);
    await dialog.getByLabel('E-mail').fill(`${made}@example.com`);
    await dialog.getByLabel('Password').fill(PASSWORD);
    await dialog.getByRole('button', { name: 'Make', exact: true }).click();
    await entry(page, `${made}@example.com`).waitFor();
    await logIn(t.url, made);
  });

  it('users: an administrator makes a link with which a user chooses a new password', async () => {
    const person = await signUp(t.url, `${t.user}-person`);
    const page = await open('users', 'root');
    await page.getByRole('searchbox', { name: 'Search users' }).fill(person.username);
    await button(page, `Options for ${person.username}`).click();
    await page.getByRole('menuitem', { name: 'New password…' }).click();
    const dialog = page.getByRole('dialog', { name: `A new password for ${person.username}` });
    const link = await dialog.getByRole('textbox', { name: 'Link' }).inputValue();
    await expectGood(t, page, 'reset-link');

    const theirs = await t.open(new URL(link).hash.slice(2), await t.context());
    const next = 'another walk in the sun';
    await theirs.getByLabel('Password').fill('short');
    await button(theirs, 'Save').click();
    t.faults.expected.push(/400/);
    await theirs.getByRole('alert').waitFor();
    await theirs.getByLabel('Password').fill(next);
    await button(theirs, 'Save').click();
    await theirs.getByText('Sign in with it').waitFor();
    await theirs.getByRole('textbox', { name: 'User name or e-mail' }).fill(person.username);
    await theirs.getByLabel('Password').fill(next);
    await button(theirs, 'Sign in').click();
    await theirs.getByRole('textbox', { name: 'Message' }).waitFor();
    await expect(logIn(t.url, person.username)).rejects.toThrow('401');

    await theirs.goto(link);
    await theirs.reload();
    await theirs.getByLabel('Password').fill('yet another long password');
    await button(theirs, 'Save').click();
    await theirs.getByRole('alert').waitFor();
    await logIn(t.url, person.username, next);
  });

  it('feedback: an administrator sees it, sums it up, filters it and takes it away', async () => {
    const { api } = await signUp(t.url, t.user);
    const rate = async (question: string, feedback: object) => {
      const { body } = await api.post<{ id: string }>('/conversations', {});
      const turn = await api.post<{ message: ChatMessage }>(`/chat/${body.id}`, { content: question });
      const rated = await api.post('/feedback', { message_id: turn.body.message.id, ...feedback });
      expect(rated.status).toBe(201);
    };
    await rate('One?', { rating: 5, tags: ['helpful', 'own-word'] });
    await rate('Two?', { rating: 1, tags: ['wrong'], comment: 'Not at all.' });
    const page = await open('feedback', 'root');
    const feedback = panel(page, 'Feedback');
    await entry(page, 'Not at all.').getByText('Wrong').waitFor();
    const table = feedback.getByRole('table');
    await table.getByRole('cell', { name: '2', exact: true }).waitFor();
    await table.getByRole('cell', { name: '3', exact: true }).waitFor();
    await feedback.getByLabel('Summary').selectOption('tag');
    await table.getByRole('rowheader', { name: 'own-word' }).waitFor();
    await expectGood(t, page, 'feedback');
    await feedback.getByLabel('Rating').selectOption('5');
    await entry(page, 'Not at all.').waitFor({ state: 'detached' });
    await table.getByRole('rowheader', { name: 'Wrong' }).waitFor({ state: 'detached' });
    const download = page.waitForEvent('download');
    await feedback.getByRole('button', { name: 'Export' }).click();
    const lines = (await readFile(await (await download).path(), 'utf8')).trim().split('\n');
    expect(lines.map((line) => (JSON.parse(line) as { question: string }).question)).toEqual(['One?']);
  });
});

const WITH_PRICE = (model: ModelServer) => ({
  ...modelsEnv(model, '{id: test-model, price: {input: 1, output: 10}}'),
  TITLE_MODEL: 'test-model',
});

describePage('the panels of everybody', WITH_PRICE, (t) => {
  it('are only those that this service and this user have something for', async () => {
    const page = await t.open('settings/users');
    await panel(page, 'General').waitFor();
    const names = await settings(page).getByRole('navigation').getByRole('link').allTextContents();
    expect(names.map((name) => name.trim())).toEqual(['General', 'Account', 'Usage', 'Background jobs']);
    await settings(page).getByRole('link', { name: 'Account' }).click();
    await panel(page, 'Account').getByText(t.user).waitFor();
    expect(await page.getByLabel('Current password').count()).toBe(0);
    await expectGood(t, page, 'account-header');
    await page.keyboard.press('Escape');
    await settings(page).waitFor({ state: 'detached' });
  });

  it('usage: what was used, by day, by model and by purpose', async () => {
    t.model.otherwise(reply('One.', { usage: { input: 1_000, output: 2_000 } }));
    const page = await t.open();
    await say(page, 'First');
    await lastReply(page).getByText('One.').waitFor();
    // The reply, and its title a moment later.
    const kinds = async () => (await t.api.get<{ data: object[] }>('/usage?group_by=kind')).body.data;
    await until(async () => (await kinds()).length === 2);
    await page.goto(`${t.url}/#/settings/usage`);
    const usage = panel(page, 'Usage');
    await usage.getByRole('img', { name: 'Tokens per day in the last 30 days' }).waitFor();
    await usage.getByText('As a table').click();
    const { body } = await t.api.get<{ total: { input_tokens: number; output_tokens: number } }>('/usage');
    const days = usage.getByRole('region').getByRole('row');
    await days.nth(1).waitFor();
    expect(await days.count()).toBe(2);
    expect(await days.nth(1).getByRole('cell').allTextContents()).toContain(
      body.total.output_tokens.toLocaleString('en-US'),
    );
    await usage.locator('.totals').getByText('$0.042').waitFor();
    await usage.getByLabel('What used it').selectOption('kind');
    await usage.getByRole('rowheader', { name: 'Replies' }).waitFor();
    await expectGood(t, page, 'usage');
    await usage.getByLabel('Usage', { exact: true }).selectOption('7');
    await usage.getByRole('img', { name: 'Tokens per day in the last 7 days' }).waitFor();
  });

  it('jobs: what runs is cancelled, and done again', async () => {
    const gate = hold();
    t.model.script(reply('One.'), reply(['A', gate]), reply('A good title'));
    const page = await t.open();
    await say(page, 'First');
    await lastReply(page).getByText('One.').waitFor();
    await gate.reached;
    await page.goto(`${t.url}/#/settings/jobs`);
    const job = entry(page, 'Title of a conversation');
    await job.getByText('runs').waitFor();
    await job.getByRole('button', { name: 'Cancel' }).click();
    await job.getByText('cancelled').waitFor();
    gate.release();
    await expectGood(t, page, 'jobs');
    await job.getByRole('button', { name: 'Try again' }).click();
    await job.getByText('done').waitFor();
  });
});
