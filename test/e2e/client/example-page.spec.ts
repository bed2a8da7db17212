import { cpSync, existsSync, readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { type Browser, chromium, type Locator, type Page } from 'playwright-core';
import { PASSWORD, signUp } from '../../support/accounts';
import { createTestApp, type TestApp } from '../../support/create-test-app';
import { modelsEnv } from '../../support/models-file';
import { type ModelServer, startModelServer } from '../../support/model-server';
import { echo, reply } from '../../support/model-server/behaviours';
import { hold } from '../../support/model-server/gate';
import { clientFolder } from '../../support/written-client';

const PAGE = resolve('docs/example-page');
const CHROMIUM = process.env.CHROMIUM ?? '/usr/bin/chromium';
const SCREENSHOTS = process.env.SCREENSHOTS;
/** A busy machine has other things to do. */
const PATIENCE_MS = 90_000;

let model: ModelServer;
let t: TestApp;
let browser: Browser;
let page: Page;
/** Errors of scripts, and what the console says of errors. */
let faults: string[];

/** Named by the mode in which the service runs. */
async function begin(env: NodeJS.ProcessEnv): Promise<void> {
  model = await startModelServer();
  model.otherwise(echo());
  const folder = await clientFolder();
  cpSync(PAGE, folder, { recursive: true });
  const models = modelsEnv(model, '{id: small}', '{id: large}');
  t = await createTestApp({ env: { ...models, ...env, PAGE_DIR: folder } });
  browser = await chromium.launch({ executablePath: CHROMIUM, args: ['--no-sandbox', '--disable-gpu'] });
  page = await (await browser.newContext({ viewport: { width: 1280, height: 800 } })).newPage();
  page.setDefaultTimeout(PATIENCE_MS);
  faults = [];
  page.on('pageerror', (error) => faults.push(String(error)));
  page.on('console', (message) => message.type() === 'error' && faults.push(message.text()));
  await page.goto(t.url);
}

afterEach(async () => {
  await browser?.close();
  await t?.close();
  await model?.close();
});

const user = (): Locator => page.locator('article.user').last();
const answer = (): Locator => page.locator('article.assistant').last();
const named = (name: string, within: Locator | Page = page): Locator =>
  within.getByRole('button', { name, exact: true });

async function say(text: string): Promise<void> {
  await page.getByLabel('Message').fill(text);
  await named('Send').click();
}

/** The reply is stored, so that it has what can be done with it. */
async function answered(text: string): Promise<void> {
  await answer().filter({ hasText: text }).getByRole('button', { name: 'Regenerate' }).waitFor();
}

/** Who signs in has the page loaded once more. */
async function isThere(): Promise<void> {
  await page.getByLabel('Model').locator('option').first().waitFor({ state: 'attached' });
}

async function signIn(password: string): Promise<void> {
  await page.getByLabel('Name').fill('alice');
  await page.getByLabel('Password').fill(password);
  await named('Sign in').click();
}

it('the page of the guide has less than 300 lines', () => {
  const files = readdirSync(PAGE).map((name) => readFileSync(join(PAGE, name), 'utf8'));
  expect(files.length).toBeGreaterThan(1);
  expect(files.join('').match(/\n/g)?.length).toBeLessThan(300);
});

describe.skipIf(!existsSync(CHROMIUM))('the page of the guide', () => {
  it('signs in, and does all that its users ask of it', async () => {
    await begin({ AUTH_MODE: 'token' });
    const { api } = await signUp(t.url, 'alice');

    // Sign-in: a refusal is told, and a reload needs none.
    await signIn('not the password');
    await page
      .getByRole('alert')
      .filter({ hasText: /password/i })
      .waitFor();
    await signIn(PASSWORD);
    await isThere();

    // Model picker, and a stream.
    const gate = hold();
    model.script(reply(['One', gate, ' two.']));
    await page.getByLabel('Model').selectOption('large');
    await say('Tell me of puffins');
    await answer().getByText('One', { exact: true }).waitFor();
    gate.release();
    await answered('One two.');
    expect(model.requests.at(-1)?.body.model).toBe('large');

    // The list, and a second conversation.
    const list = page.getByLabel('Conversations');
    await named('Tell me of puffins', list).waitFor();
    await named('New conversation').click();
    await page.getByText('One two.').waitFor({ state: 'detached' });
    await say('Another thing');
    await answered('Another thing');
    await list.getByRole('listitem').nth(1).waitFor();
    expect(await list.getByRole('listitem').first().textContent()).toContain('Another thing');

    // Edit, versions, and one more version of a reply.
    await named('Edit', user()).click();
    await page.getByLabel('Message').fill('Quite another thing');
    await named('Send').click();
    await answered('Quite another thing');
    await user().getByText('2/2').waitFor();
    await named('Previous version', user()).click();
    await user().getByText('1/2').waitFor();
    expect(await answer().textContent()).toContain('Another thing');
    await named('Next version', user()).click();
    await user().getByText('2/2').waitFor();
    model.script(reply('A better one.'));
    await named('Regenerate', answer()).click();
    await answered('A better one.');
    await answer().getByText('2/2').waitFor();

    // Feedback.
    await named('Good', answer()).click();
    await answer().getByRole('button', { name: 'Good', exact: true, disabled: true }).waitFor();
    const { body } = await api.get<{ data: { rating: number }[] }>('/feedback');
    expect(body.data.map(({ rating }) => rating)).toEqual([5]);

    // Resume after a reload, and stop.
    model.script(reply(['So far', hold(), ' and never further.']));
    await say('Go on');
    await answer().getByText('So far').waitFor();
    await page.reload();
    await answer().getByText('So far').waitFor();
    await named('Stop').click();
    await answered('So far');
    await named('Send').waitFor();

    // Search: the path through a hit is shown, in a version that was left, too.
    await page.getByLabel('Search').fill('puff');
    const found = page.getByLabel('Found').getByRole('button');
    await found.locator('mark').first().waitFor();
    expect(await found.locator('mark').first().textContent()).toBe('puffins');
    if (SCREENSHOTS) await page.screenshot({ path: join(SCREENSHOTS, 'example-page.png') });
    await found.first().click();
    await answered('One two.');
    await page.getByLabel('Search').fill('');
    await found.first().waitFor({ state: 'detached' });

    // Rename and delete.
    page.once('dialog', (dialog) => void dialog.accept('Birds of the sea'));
    await named('Rename', list.getByRole('listitem').filter({ hasText: 'Tell me of puffins' })).click();
    await named('Birds of the sea', list).waitFor();
    page.once('dialog', (dialog) => void dialog.accept());
    await named('Delete', list.getByRole('listitem').filter({ hasText: 'Birds of the sea' })).click();
    await named('Birds of the sea', list).waitFor({ state: 'detached' });
    await answer().waitFor({ state: 'detached' });
    expect(await page.getByRole('alert').textContent()).toBe('');
    // The browser reports what was refused: who comes without a session, and who has the wrong password.
    expect(faults.filter((fault) => !fault.includes('401'))).toEqual([]);
  }, 400_000);

  it('asks for a name where users are who they say, and shows what another tab does', async () => {
    await begin({});
    await page.getByLabel('Name').fill('bob');
    await named('Sign in').click();
    await isThere();
    await say('Hello');
    await answered('Hello');
    const gate = hold();
    model.script(reply(['From', gate, ' elsewhere.']));
    const other = await page.context().newPage();
    await other.goto(page.url());
    await other.getByLabel('Message').fill('Here is the other tab');
    await other.getByRole('button', { name: 'Send' }).click();
    await answer().getByText('From', { exact: true }).waitFor();
    await user().getByText('Here is the other tab').waitFor();
    gate.release();
    await answered('From elsewhere.');
    expect(faults).toEqual([]);
  }, 400_000);
});
