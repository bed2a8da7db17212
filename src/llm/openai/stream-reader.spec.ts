import type { ModelPart } from '../llm-client';
import { HeldBytes } from './held-bytes';
import { ReplyNormaliser } from './reply-normaliser';
import { ResponseBody } from './response-body';
import { Scrubber } from './scrubber';
import { StreamBudget, streamLimits } from './stream-budget';
import { StreamReader } from './stream-reader';

const LIMITS = { eventBytes: 1_000, streamBytes: 100_000 };
const SCRUB = new Scrubber({
  name: 'test',
  kind: 'openai',
  headers: {},
  query: {},
  streamUsage: true,
});
const word = (content: string, more: object = {}) =>
  `data: ${JSON.stringify({ choices: [{ delta: { content } }], ...more })}\n\n`;
const END = 'data: {"choices":[{"delta":{},"finish_reason":"stop"}]}\n\ndata: [DONE]\n\n';

function open(held = new HeldBytes()) {
  const body = new ResponseBody({
    paused: false,
    pause: () => undefined,
    resume: () => undefined,
    abort: () => undefined,
  });
  let text = '';
  const take = (parts: ModelPart[]) => {
    text += parts.map((part) => (part.type === 'text' ? part.text : '')).join('');
    return undefined;
  };
  const model = { thinkTags: false, contextWindow: 8_000 };
  const budget = new StreamBudget(LIMITS, held);
  const reader = new StreamReader(body, new ReplyNormaliser(model), SCRUB, take, budget);
  const over = reader.read().then(
    () => undefined,
    (error: { detail?: { reason: string } }) => error.detail?.reason,
  );
  return { body, over, text: () => text };
}

const turn = () => new Promise((resolve) => setImmediate(resolve));

async function send(piece: string, atMost: number) {
  const { body, over, text } = open();
  const state = { sent: 0, reason: undefined as string | undefined };
  void over.then((failure) => (state.reason = failure));
  body.push(Buffer.from(word('a')));
  for (; state.reason === undefined && state.sent < atMost; state.sent++) {
    body.push(Buffer.from(piece));
    await turn();
  }
  return { ...state, text: text() };
}

describe('StreamReader', () => {
  it('gives up on a stream of too many bytes, also if each brings a word', async () => {
    const event = word('b', { padding: 'x'.repeat(900) });
    const { sent, reason, text } = await send(event, 1_000);
    expect(reason).toBe('stream_too_long');
    expect(text).toBe(`a${'b'.repeat(sent)}`);
    expect(sent).toBe(Math.ceil(LIMITS.streamBytes / event.length));
  });

  it('counts each piece of the network as 64 bytes', async () => {
    const { body, over, text } = open();
    const pieces = LIMITS.streamBytes / 64 - 10;
    body.push(Buffer.from(word('a')));
    for (let count = 0; count < pieces; count++)
      body.push(Buffer.from('x'.repeat(count % 100 ? 1 : 0) || '\n'));
    await turn();
    expect(text()).toBe('a');
    for (let count = 0; count < 20; count++) body.push(Buffer.from('\n'));
    expect(await over).toBe('stream_too_long');
  });

  it('takes a whole reply in single bytes, as some proxies send it', async () => {
    const { body, over, text } = open();
    for (const byte of Buffer.from(word('Grüße') + END)) body.push(Buffer.of(byte));
    expect(await over).toBeUndefined();
    expect(text()).toBe('Grüße');
  });

  it('gives up on an event of too many bytes, also where the stream ends in it', async () => {
    expect(await send('data: ' + 'x'.repeat(100), 100)).toMatchObject({
      reason: 'event_too_long',
      text: 'a',
    });
    expect((await send(`data: ${'x'.repeat(100)}\n`, 100)).sent).toBe(10);
    const { body, over } = open();
    body.push(Buffer.from(`${'id: 1\n'.repeat(999)}id`));
    await turn();
    body.push(Buffer.from('x\nid'));
    body.end();
    expect(await over).toBe('event_too_long');
  });

  it('holds nothing when it is over, however it ends', async () => {
    for (const ending of [END, '\n\ndata: {\n\n', 'y'.repeat(1_000), undefined]) {
      const held = new HeldBytes();
      const { body, over } = open(held);
      body.push(Buffer.from(`${word('a')}: ${'x'.repeat(500)}`));
      await turn();
      expect(held.total).toBeGreaterThan(500);
      if (ending === undefined) body.end(new Error('gone'));
      else body.push(Buffer.from(ending === END ? `\n\n${END}` : ending));
      await over;
      expect(held.total).toBe(0);
    }
  });

  it('has bounds that grow with the longest reply, and do not shrink with it', () => {
    const usual = streamLimits(500_000);
    expect(streamLimits(1)).toEqual(usual);
    expect(streamLimits(5_000_000)).toEqual({
      eventBytes: 10 * usual.eventBytes,
      streamBytes: 10 * usual.streamBytes,
    });
    expect(usual.eventBytes).toBeGreaterThan(6 * 500_000);
  });
});
