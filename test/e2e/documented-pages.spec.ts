import { setTimeout as sleep } from 'node:timers/promises';
import { PASSWORD, signUp } from '../support/accounts';
import { createTestApp, type TestApp } from '../support/create-test-app';
import { DocumentedPage } from '../support/documented-page';
import { echo } from '../support/model-server/behaviours';
import { useModelServer } from '../support/use-model-server';

const ORIGIN = 'http://127.0.0.1:8080';
/** All but the clock. */
const TIMERS = [
  'hrtime',
  'nextTick',
  'performance',
  'queueMicrotask',
  'setImmediate',
  'clearImmediate',
  'setInterval',
  'clearInterval',
  'setTimeout',
  'clearTimeout',
] as const;

const model = useModelServer();
let t: TestApp;
let page: DocumentedPage | undefined;

beforeAll(() => void model.otherwise(echo()));
afterEach(async () => {
  page?.close();
  page = undefined;
  await t.close();
});

async function open(file: string, env: NodeJS.ProcessEnv): Promise<DocumentedPage> {
  t = await createTestApp({ env: { ...model.env, CORS_ORIGINS: ORIGIN, ...env } });
  page = await DocumentedPage.open(file, t.url, ORIGIN);
  return page;
}

async function shows(opened: DocumentedPage, text: string): Promise<void> {
  for (let left = 500; left > 0 && opened.text !== text; left -= 1) await sleep(20);
  expect(opened.text).toBe(text);
}

const said = (...texts: string[]) => texts.map((text) => `> ${text}\n\n${text}\n\n`).join('');

it('the page of README.md shows what is said, reply after reply', async () => {
  const opened = await open('README.md', {});
  await opened.submit({ text: 'Hello there, you.' });
  await shows(opened, said('Hello there, you.'));
  await opened.submit({ text: 'And again?' });
  await shows(opened, said('Hello there, you.', 'And again?'));
});

describe('the page of docs/identity.md', () => {
  async function openSignedUp(): Promise<DocumentedPage> {
    const opened = await open('docs/identity.md', { AUTH_MODE: 'token' });
    await signUp(t.url, 'alice');
    return opened;
  }

  it('says that a password is wrong, and lets in who has the right one', async () => {
    const opened = await openSignedUp();
    await opened.submit({ password: 'a short walk in the sun' });
    expect(opened.text).toBe('[The name or the password is wrong.]\n\n');
    expect(opened.elements.chat.hidden).toBe(true);
    await opened.submit({ password: PASSWORD });
    expect(opened.elements.chat.hidden).toBe(false);
  });

  it('shows replies, and goes on with another ticket where the connection broke', async () => {
    const opened = await openSignedUp();
    await opened.submit({ password: PASSWORD });
    await opened.submit({ text: 'One two three.' });
    await shows(opened, said('One two three.'));
    t.app.getHttpServer().closeAllConnections();
    await sleep(1500);
    await opened.submit({ text: 'Four five six.' });
    await shows(opened, said('One two three.', 'Four five six.'));
  });

  it('takes another access token where the first has expired', async () => {
    const opened = await openSignedUp();
    await opened.submit({ password: PASSWORD });
    vi.useFakeTimers({ toNotFake: [...TIMERS], now: Date.now() + 16 * 60_000 });
    try {
      await opened.submit({ text: 'Still here?' });
      await shows(opened, said('Still here?'));
    } finally {
      vi.useRealTimers();
    }
  });
});
