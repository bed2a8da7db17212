import { randomBytes } from 'node:crypto';
import type { Page } from 'playwright-core';
import { logIn, PASSWORD, signUp } from '../../support/accounts';
import { MailServer } from '../../support/mail-server';
import { box, describePage, say } from '../../support/page';
import { expectGood } from '../../support/page-checks';
import { TokenIssuer } from '../../support/token-issuer';
import { until } from '../../support/until';

const button = (page: Page, name: string) => page.getByRole('button', { name, exact: true });
const keptBy = (page: Page) => page.evaluate<string>(`JSON.stringify(Object.entries(localStorage))`);

async function signOut(page: Page): Promise<void> {
  await page.evaluate(`location.hash = '#/settings'`);
  await button(page, 'Sign out').click();
}

describe('who uses the page', () => {
  const mails = new MailServer();
  let issuer: TokenIssuer;

  beforeAll(async () => {
    await mails.listen();
    issuer = await TokenIssuer.start();
  });
  afterAll(() => Promise.all([mails.close(), issuer.close()]));

  const withAccounts = () => ({
    AUTH_MODE: 'token',
    ENCRYPTION_KEY: randomBytes(32).toString('base64'),
    SMTP_URL: mails.url,
    SMTP_FROM: 'parley@example.com',
  });

  describePage('with an account', withAccounts, (t) => {
    async function signIn(page: Page, name: string, password = PASSWORD): Promise<void> {
      await page.getByRole('textbox', { name: 'User name or e-mail' }).fill(name);
      await page.getByLabel('Password').fill(password);
      await button(page, 'Sign in').click();
    }

    it('makes one, and is told what is wrong with it', async () => {
      await signUp(t.url, t.user);
      const page = await t.open();
      await page.getByRole('heading', { name: 'Sign in' }).waitFor();
      await expectGood(t, page, 'sign-in');
      await button(page, 'Make an account').click();
      await page.getByRole('heading', { name: 'Make an account' }).waitFor();
      await expectGood(t, page, 'register');
      await page.getByRole('textbox', { name: 'User name' }).fill(t.user);
      await page.getByRole('textbox', { name: 'E-mail' }).fill(`${t.user}-new@example.com`);
      await page.getByLabel('Password').fill(PASSWORD);
      const make = page.locator('button[type=submit]');
      t.faults.expected.push(/409/);
      await make.click();
      await page.getByRole('alert').filter({ hasText: 'This name is taken.' }).waitFor();
      await page.getByRole('textbox', { name: 'User name' }).fill(`${t.user}-new`);
      await make.click();
      await page.getByRole('heading', { name: `What is on your mind, ${t.user}-new?` }).waitFor();
      await logIn(t.url, `${t.user}-new`);
    });

    it('is still signed in after a reload, by a cookie that no script can read, until they sign out', async () => {
      await signUp(t.url, t.user);
      const page = await t.open();
      t.faults.expected.push(/401/);
      await signIn(page, t.user, 'not the password');
      await page.getByRole('alert').filter({ hasText: 'are not right' }).waitFor();
      await signIn(page, t.user);
      await box(page).waitFor();
      await page.reload();
      await box(page).waitFor();
      const [cookie] = await page.context().cookies(`${t.url}/api/v1/auth/refresh`);
      expect(cookie).toMatchObject({ httpOnly: true, sameSite: 'Strict', path: '/api/v1/auth' });
      expect((await keptBy(page)) + (await page.evaluate<string>('document.cookie'))).not.toContain(
        cookie.value,
      );
      await signOut(page);
      await page.getByRole('heading', { name: 'Sign in' }).waitFor();
      await page.reload();
      await page.getByRole('heading', { name: 'Sign in' }).waitFor();
    });

    it('has a link sent when the password is forgotten, and chooses another one', async () => {
      await signUp(t.url, t.user);
      const page = await t.open();
      await page.getByRole('textbox', { name: 'User name or e-mail' }).fill(`${t.user}@example.com`);
      await button(page, 'Forgotten?').click();
      await page.getByText('If there is such an account, it has been sent a link.').waitFor();
      const mail = await until(() =>
        Promise.resolve(mails.mails.find(({ to }) => to.includes(`${t.user}@example.com`))),
      );
      const [, path] = /#\/(reset\/\S+)/.exec(mail.text) ?? [];
      const theirs = await t.open(path);
      await theirs.getByRole('heading', { name: 'Choose a new password' }).waitFor();
      await expectGood(t, theirs, 'reset');
      await theirs.getByLabel('Password').fill('another walk in the sun');
      await button(theirs, 'Save').click();
      await theirs.getByText('The password is changed. Sign in with it.').waitFor();
      await signIn(theirs, t.user, 'another walk in the sun');
      await box(theirs).waitFor();
    });

    it('leaves no draft to whoever uses the browser next', async () => {
      await signUp(t.url, t.user);
      await signUp(t.url, `${t.user}-next`);
      const page = await t.open();
      await signIn(page, t.user);
      await box(page).fill('a secret');
      await until(async () => (await keptBy(page)).includes('a secret'));
      await page.reload();
      expect(await box(page).inputValue()).toBe('a secret');
      await signOut(page);
      await page.getByRole('heading', { name: 'Sign in' }).waitFor();
      expect(await keptBy(page)).not.toContain('a secret');
      await signIn(page, `${t.user}-next`);
      expect(await box(page).inputValue()).toBe('');
    });
  });

  describePage(
    'with a token',
    () => issuer.env,
    (t) => {
      it('pastes it, and is told when it is not one', async () => {
        const page = await t.open();
        await page.getByRole('heading', { name: 'Sign in with a token' }).waitFor();
        await expectGood(t, page, 'token');
        t.faults.expected.push(/401/);
        await page.getByRole('textbox', { name: 'Access token' }).fill('no.token.at-all');
        await button(page, 'Go on').click();
        await page.getByRole('alert').filter({ hasText: 'Sign in again.' }).waitFor();
        await page.getByRole('textbox', { name: 'Access token' }).fill(await issuer.token(t.user));
        await button(page, 'Go on').click();
        await say(page, 'Hello');
        await page.locator('article.reply').getByRole('button', { name: 'Regenerate' }).waitFor();
        expect(t.model.requests).toHaveLength(1);
      });
    },
  );

  describePage('by a name', {}, (t) => {
    it('keeps the drafts of each name', async () => {
      const page = await t.open();
      await box(page).fill('a secret');
      await page.evaluate(`localStorage.setItem('parley.user', '"${t.user}-next"')`);
      await page.reload();
      expect(await box(page).inputValue()).toBe('');
      await page.evaluate(`localStorage.setItem('parley.user', '"${t.user}"')`);
      await page.reload();
      expect(await box(page).inputValue()).toBe('a secret');
      await signOut(page);
      await page.getByRole('heading', { name: 'Who are you?' }).waitFor();
      await expectGood(t, page, 'name');
      await page.getByRole('textbox', { name: 'Name' }).fill(t.user);
      await button(page, 'Go on').click();
      expect(await box(page).inputValue()).toBe('');
    });
  });
});
