import { EventSource } from 'eventsource';
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { createTestApp, type TestApp } from '../support/create-test-app';

/** Debian's. */
const CHROMIUM = '/usr/bin/chromium';
/** Root has no sandbox, and this machine's network nothing that a browser would look for. */
const FLAGS = [
  '--headless',
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--disable-dev-shm-usage',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];
const PATIENCE_MS = 50_000;

interface Event {
  type: string;
  data: { content?: string; full_text?: string };
}

interface Outcome {
  text: string;
  full_text: string;
  seen: string[];
}

let t: TestApp;
let stream: string;

beforeEach(async () => {
  const PAGE_DIR = join(__dirname, '../fixtures/pages');
  t = await createTestApp({ env: { DEFAULT_USER_ID: 'me', PAGE_DIR } });
  stream = `${t.url}/api/v1/chat/test-session/stream`;
});
afterEach(() => t.close());

/** What an EventSource gets until a reply has ended. */
async function listen(): Promise<Event[]> {
  const source = new EventSource(stream);
  const events: Event[] = [];
  try {
    await new Promise<void>((resolve, reject) => {
      source.addEventListener('message', ({ data }) => {
        const event = JSON.parse(data as string) as Event;
        events.push(event);
        if (event.type === 'end' || event.type === 'error') resolve();
      });
      source.addEventListener('error', ({ message, code }) => reject(new Error(`${message} ${code}`)));
    });
  } finally {
    source.close();
  }
  return events;
}

const say = (message: string) =>
  fetch(stream, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify({ message }),
  });

function expectWhole(events: Event[]): void {
  expect([events[0].type, events.at(-1)?.type]).toEqual(['start', 'end']);
  const chunks = events.filter(({ type }) => type === 'chunk').map(({ data }) => data.content);
  expect(chunks.join('')).toBe(events.at(-1)?.data.full_text);
  expect(chunks.join('')).not.toBe('');
}

describe('a page of somebody who has never heard of this service', () => {
  it('listens first, then speaks', async () => {
    const events = listen();
    await sleep(200);
    const answer = await say('Hello there.');
    expect(answer.status).toBe(200);
    expectWhole(await events);
  });

  it('does both at the same moment', async () => {
    const [events] = await Promise.all([listen(), say('Hello there.').then((answer) => answer.text())]);
    expectWhole(events);
  });

  it('listens three seconds after it has spoken', async () => {
    await (await say('Hello there.')).text();
    await sleep(3_000);
    expectWhole(await listen());
  });

  it('has the same in the next conversation, and sees no answer twice', async () => {
    const source = new EventSource(stream);
    const ids: string[] = [];
    const ends: unknown[] = [];
    source.addEventListener('message', ({ data, lastEventId }) => {
      ids.push(lastEventId);
      if ((JSON.parse(data as string) as Event).type === 'end') ends.push(data);
    });
    for (const message of ['One', 'Two', 'Three']) await (await say(message)).text();
    for (const end = Date.now() + PATIENCE_MS; ends.length < 3 && Date.now() < end;) await sleep(50);
    source.close();
    expect(ends).toHaveLength(3);
    expect(new Set(ids).size).toBe(ids.length);
  });
});

describe.skipIf(!existsSync(CHROMIUM))('the same in a browser', () => {
  let reports: Server;
  let outcome: Promise<Outcome>;
  let profile: string;
  let browser: ChildProcess | undefined;

  beforeEach(async () => {
    profile = await mkdtemp(join(tmpdir(), 'parley-browser-'));
    outcome = new Promise((resolve) => {
      reports = createServer((request, response) => {
        let body = '';
        request.on('data', (chunk: Buffer) => (body += chunk.toString()));
        request.on('end', () => {
          response.end();
          resolve(JSON.parse(body) as Outcome);
        });
      });
    });
    await new Promise<void>((resolve) => reports.listen(0, '127.0.0.1', resolve));
  });
  afterEach(async () => {
    const gone = new Promise((resolve) => browser?.once('exit', resolve));
    browser?.kill('SIGKILL');
    await gone;
    reports.closeAllConnections();
    reports.close();
    await rm(profile, { recursive: true, force: true, maxRetries: 5 });
  });

  it.each([0, 3_000])('which listens %i ms late', async (late) => {
    const report = `http://127.0.0.1:${(reports.address() as AddressInfo).port}`;
    const page = `${t.url}/?late=${late}&report=${encodeURIComponent(report)}`;
    let said = '';
    browser = spawn(CHROMIUM, [...FLAGS, `--user-data-dir=${profile}`, '--remote-debugging-port=0', page]);
    browser.stderr?.on('data', (chunk: Buffer) => (said += chunk.toString()));
    const { text, full_text, seen } = await Promise.race([
      outcome,
      sleep(PATIENCE_MS, undefined, { ref: false }).then(() => {
        throw new Error(`The page has said nothing:\n${said.slice(-2_000)}`);
      }),
    ]);
    expect(text).toBe(full_text);
    expect(text).not.toBe('');
    expect([seen[0], seen.at(-1), seen.filter((type) => type === 'start').length]).toEqual([
      'start',
      'end',
      1,
    ]);
  });
});
