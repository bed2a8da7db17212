import { connect, type Socket } from 'node:net';
import { REPLY_BOUNDS } from '../../../src/config/bounds';
import { TransactionRunner } from '../../../src/database/transaction-runner';
import type { MessageResponse } from '../../../src/messages/dto/message.response';
import { ApiClient } from '../../support/api-client';
import { type StreamedReply, streamReply } from '../../support/chat-client';
import { heapInUse } from '../../support/heap-in-use';
import { done, finish, hang, raw, reply, stream } from '../../support/model-server/behaviours';
import type { Behaviour } from '../../support/model-server/exchange';
import { createTestDatabase, type TestDatabase } from '../../support/test-database';
import { useChatApp } from '../../support/use-chat-app';

const PARTS = 500_000;
const READERS = 30;
const ALICE = { 'X-User-ID': 'alice' };
const MB = 1024 * 1024;

/** Half a million parts are 16 MB of JSON, which a busy machine takes its time for. */
async function patientDatabase(): Promise<TestDatabase> {
  const database = await createTestDatabase();
  return { ...database, config: { ...database.config, statementTimeoutMs: 60_000 } };
}

const t = useChatApp({}, { own: 'has a longer statement timeout', database: patientDatabase });
const { model: server } = t;

const api = (path: string) => `${t.url}/api/v1${path}`;

async function say(): Promise<StreamedReply> {
  const { id } = await ApiClient.of(t.url, 'alice').conversation();
  return streamReply(api(`/chat/${id}/stream`), 'alice', { body: { content: 'Go on' } });
}

const read = async <T>(path: string) => (await (await fetch(api(path), { headers: ALICE })).json()) as T;
const replay = (id: string, headers = {}) =>
  streamReply(api(`/messages/${id}/stream`), 'alice', { method: 'GET', headers });

/** A reply as an earlier version stored it: parts of one character each, reasoning and text in turn. */
async function oldReply(parts: number, status = 'completed'): Promise<{ id: string; conversation: string }> {
  const { messageId: id, conversationId: conversation } = await say();
  const stored = Array.from({ length: parts }, (_, i) => ({
    type: i % 2 ? 'text' : 'reasoning',
    text: String.fromCharCode(97 + (i % 25)),
  }));
  await t.app
    .get(TransactionRunner)
    .query(`UPDATE messages SET parts = $2, event_lengths = $3, status = $4 WHERE id = $1`, [
      id,
      JSON.stringify(stored),
      Buffer.alloc(parts, 1),
      status,
    ]);
  return { id, conversation };
}

/** The text of such a reply. */
function oldText(parts: number): string {
  let text = '';
  for (let i = 1; i < parts; i += 2) text += String.fromCharCode(97 + (i % 25));
  return text;
}

/** A reader that asks for a reply's log, and then takes nothing. */
function deafReader(id: string): Socket {
  const { hostname, port } = new URL(t.url);
  const socket = connect(Number(port), hostname);
  socket.pause();
  socket.write(`GET /api/v1/messages/${id}/stream HTTP/1.1\r\nHost: ${hostname}\r\nX-User-ID: alice\r\n\r\n`);
  return socket;
}

const delta = (key: string, text: string) =>
  `data: ${JSON.stringify({ choices: [{ index: 0, delta: { [key]: text } }] })}\n\n`;

/** Reasoning and text in turn, one character each, many to a write. */
function alternating(count: number): Behaviour[] {
  const pairs = Array.from(
    { length: 300 },
    (_, i) => delta('reasoning_content', 'r') + delta('content', String.fromCharCode(97 + (i % 26))),
  ).join('');
  return Array.from({ length: Math.ceil(count / 600) }, () => raw(pairs));
}

const textOfAlternating = (count: number) =>
  Array.from({ length: 300 }, (_, i) => String.fromCharCode(97 + (i % 26)))
    .join('')
    .repeat(Math.ceil(count / 600));

function shownText({ events }: StreamedReply, type: 'chunk' | 'reasoning'): string {
  return events.map((event) => (event.type === type ? event.data.content : '')).join('');
}

vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 });

describe('a stored reply of 500,000 parts', () => {
  let id: string;
  let conversation: string;
  beforeAll(async () => {
    ({ id, conversation } = await oldReply(PARTS));
  });

  it('costs readers that take nothing next to nothing, and others hardly a wait', async () => {
    server.otherwise(reply('Hello.'));
    const before = heapInUse();
    const sockets = Array.from({ length: READERS }, () => deafReader(id));
    const waits: number[] = [];
    for (let i = 0; i < 30; i++) {
      const asked = performance.now();
      const models = await fetch(api('/models'), { headers: { 'X-User-ID': 'bob' } });
      expect(models.status).toBe(200);
      waits.push(performance.now() - asked);
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    const after = heapInUse();
    sockets.forEach((socket) => socket.destroy());
    expect((after - before) / MB).toBeLessThan(100);
    // One of them may have waited for the row to be read.
    expect(Math.max(...waits)).toBeLessThan(10_000);
  });

  it('is read whole, and from any place on', async () => {
    const whole = await replay(id);
    expect(whole.events).toHaveLength(PARTS + 2);
    expect(whole.ids.at(-1)).toBe(`${id}:${PARTS + 2}`);
    expect(whole.text).toBe(oldText(PARTS));
    expect(whole.last).toMatchObject({ type: 'end', data: { full_text: whole.text } });
    const half = PARTS / 2;
    const rest = await replay(id, { 'Last-Event-ID': `${id}:${half}` });
    expect(rest.ids[0]).toBe(`${id}:${half + 1}`);
    expect(JSON.stringify(rest.events)).toBe(JSON.stringify(whole.events.slice(half)));
  });

  it('is known to be read to its end', async () => {
    const after = (n: number) => fetch(api(`/messages/${id}/stream?after=${id}:${n}`), { headers: ALICE });
    expect((await after(PARTS + 2)).status).toBe(204);
    const last = await after(PARTS + 1);
    expect(last.status).toBe(200);
    expect(await last.text()).toMatch(/^id: \S+\ndata: \{"type":"end"/);
  });

  it('is cut in lists and whole by itself', async () => {
    const detail = await read<{ messages: MessageResponse[] }>(`/conversations/${conversation}`);
    const page = await read<{ data: MessageResponse[] }>(`/conversations/${conversation}/messages`);
    for (const [user, cut] of [detail.messages, page.data]) {
      expect(cut).toMatchObject({ id, parts_truncated: true, content: oldText(PARTS) });
      expect(cut.parts).toHaveLength(REPLY_BOUNDS.listedParts.limit);
      expect(cut.parts.slice(0, 2)).toEqual([
        { type: 'reasoning', text: 'a' },
        { type: 'text', text: 'b' },
      ]);
      expect(user).not.toHaveProperty('parts_truncated');
    }
    const message = await read<MessageResponse>(`/messages/${id}`);
    expect(message).not.toHaveProperty('parts_truncated');
    expect(message.parts).toHaveLength(PARTS);
    expect(message.content).toBe(oldText(PARTS));
  });
});

describe('a reply in many pieces', () => {
  const PIECES = 60_000;

  it('is kept within the bounds, exact, and the same live and later', async () => {
    server.script(stream(...alternating(PIECES), raw(delta('content', '!')), finish(), done()));
    const live = await say();
    expect(live.text).toBe(`${textOfAlternating(PIECES)}!`);
    expect(live.last).toMatchObject({ type: 'end', data: { full_text: live.text } });
    expect(shownText(live, 'reasoning')).toBe('r'.repeat(PIECES / 2));
    const message = await read<MessageResponse>(`/messages/${live.messageId}`);
    expect(message.content).toBe(live.text);
    expect(message.parts.length).toBeLessThanOrEqual(REPLY_BOUNDS.parts.limit);
    expect(message.parts.length).toBeGreaterThan(REPLY_BOUNDS.parts.limit / 2);
    expect(live.events.length).toBeLessThanOrEqual(REPLY_BOUNDS.events.limit);
    const later = await replay(live.messageId);
    expect(JSON.stringify([later.ids, later.events])).toBe(JSON.stringify([live.ids, live.events]));
  });

  it('is the same live and later when it is stopped', async () => {
    server.script(stream(...alternating(PIECES), hang()));
    const live = say();
    const running = await untilRunning(3_000);
    await fetch(api(`/messages/${running}/stop`), { method: 'POST', headers: ALICE });
    const stopped = await live;
    const later = await replay(stopped.messageId);
    expect(JSON.stringify(later.events)).toBe(JSON.stringify(stopped.events));
    expect(textOfAlternating(PIECES).startsWith(stopped.text)).toBe(true);
    expect((await read<MessageResponse>(`/messages/${stopped.messageId}`)).content).toBe(stopped.text);
  });

  it('loses nothing of what was held back when the provider breaks off', async () => {
    server.script(stream(...alternating(PIECES), raw(delta('content', '!'))));
    const live = await say();
    expect(live.text).toBe(`${textOfAlternating(PIECES)}!`);
    expect(live.last).toMatchObject({ type: 'error', data: { code: 'upstream_incomplete' } });
    const later = await replay(live.messageId);
    expect(JSON.stringify(later.events)).toBe(JSON.stringify(live.events));
    expect((await read<MessageResponse>(`/messages/${live.messageId}`)).content).toBe(live.text);
  });

  it('begins within the bounds when it goes on with an old one beyond them', async () => {
    const { id } = await oldReply(40_000, 'interrupted');
    server.script(reply(['And ', 'on.']));
    const live = await streamReply(api(`/messages/${id}/continue`), 'alice', { body: {} });
    expect(live.text).toBe(`${oldText(40_000)}And on.`);
    const message = await read<MessageResponse>(`/messages/${live.messageId}`);
    expect(message.content).toBe(live.text);
    expect(message.parts.length).toBeLessThanOrEqual(REPLY_BOUNDS.parts.limit);
    const later = await replay(live.messageId);
    expect(JSON.stringify(later.events)).toBe(JSON.stringify(live.events));
  });
});

/** The reply that runs, once so many chunks of it have been shown. */
async function untilRunning(chunks: number): Promise<string> {
  for (;;) {
    const rows: { id: string }[] = await t.app
      .get(TransactionRunner)
      .query(`SELECT id FROM messages WHERE status = 'streaming'`);
    if (rows.length) {
      const response = await fetch(api(`/messages/${rows[0].id}/stream`), { headers: ALICE });
      let seen = 0;
      for await (const chunk of response.body ?? []) {
        seen += (
          Buffer.from(chunk)
            .toString()
            .match(/"chunk"/g) ?? []
        ).length;
        if (seen > chunks) break;
      }
      return rows[0].id;
    }
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
