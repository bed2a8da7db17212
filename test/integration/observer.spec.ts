import { NoopObserver, type ObservedReply, Observer } from '../../src/observability/observer';
import { failure, reply } from '../support/model-server/behaviours';
import { hold } from '../support/model-server/gate';
import { until } from '../support/until';
import { useChatApp } from '../support/use-chat-app';

type Call = [name: keyof Observer, told: unknown];

/** Keeps what it is told. */
class Recorder extends NoopObserver {
  calls: Call[] = [];
  override requestEnded = (told: unknown) => this.keep('requestEnded', told);
  override attemptEnded = (told: unknown) => this.keep('attemptEnded', told);
  override firstToken = (told: unknown) => this.keep('firstToken', told);
  override batchCommitted = (told: unknown) => this.keep('batchCommitted', told);
  override replyEnded = (told: unknown) => this.keep('replyEnded', told);
  override queueWait = (told: unknown) => this.keep('queueWait', told);
  override queryTime = (told: unknown) => this.keep('queryTime', told);
  override leaseLost = () => this.keep('leaseLost', undefined);
  override jobEnded = (told: unknown) => this.keep('jobEnded', told);
  override readers = (told: unknown) => this.keep('readers', told);

  told(...names: (keyof Observer)[]): Call[] {
    return this.calls.filter(([name]) => names.includes(name));
  }

  private keep(...call: Call): void {
    this.calls.push(call);
  }
}

const observer = new Recorder();
const MS = expect.any(Number) as number;

const t = useChatApp(
  { LLM_MAX_RETRIES: '1' },
  { own: 'replaces the observer', overrides: [{ provide: Observer, useValue: observer }] },
);
const { model } = t;
const alice = t.client('alice');
beforeAll(async () => {
  await alice.conversation();
});
beforeEach(() => {
  model.reset();
  observer.calls = [];
});

async function turn(): Promise<void> {
  const { id } = await alice.conversation();
  await (await alice.stream(id, 'Hi')).done();
  await until(async () => observer.told('replyEnded').length > 0);
}

describe('the observer', () => {
  it('is told of a turn once each: tries, first token, end', async () => {
    model.script(failure(503), reply('Some words, one after the other.', { delayMs: 2 }));
    await turn();
    const names = { provider: expect.any(String), model: expect.any(String), own: false };
    const attempt = { ...names, first_byte_ms: MS, duration_ms: MS };
    expect(observer.told('attemptEnded', 'firstToken', 'replyEnded')).toEqual([
      [
        'attemptEnded',
        expect.objectContaining({
          ...attempt,
          try: 1,
          outcome: 'provider_unavailable',
          first_event_ms: null,
        }),
      ],
      ['firstToken', { ...names, ms: MS }],
      ['attemptEnded', expect.objectContaining({ ...attempt, try: 2, outcome: 'ok', first_event_ms: MS })],
      ['replyEnded', expect.objectContaining({ status: 'completed', error: null, duration_ms: MS })],
    ]);
    const [[, first]] = observer.told('firstToken') as [string, { ms: number }][];
    const [[, ended]] = observer.told('replyEnded') as [string, ObservedReply][];
    expect(first.ms).toBeGreaterThan(0);
    expect(ended.first_token_ms).toBeGreaterThan(0);
    expect(ended.duration_ms).toBeGreaterThan(ended.first_token_ms ?? NaN);
    expect(ended.attempts).toEqual(observer.told('attemptEnded').map(([, told]) => told));
    expect(ended.usage).toEqual({ input_tokens: MS, output_tokens: MS, estimated: expect.any(Boolean) });
  });

  it('is told of the failure of a reply, with its code', async () => {
    model.otherwise(failure(401));
    await turn();
    expect(observer.told('firstToken', 'replyEnded')).toEqual([
      [
        'replyEnded',
        expect.objectContaining({ status: 'failed', error: 'provider_auth_failed', usage: null }),
      ],
    ]);
  });

  it('is told nothing per token', async () => {
    model.script(reply(Array.from({ length: 400 }, (_, i) => `word${i} `)));
    await turn();
    const batches = observer.told('batchCommitted') as [
      string,
      { replies: number; characters: number; ms: number },
    ][];
    for (const [, batch] of batches) expect(batch).toEqual({ replies: 1, characters: MS, ms: MS });
    const characters = batches.reduce((sum, [, batch]) => sum + batch.characters, 0);
    expect(characters).toBeGreaterThan(400 * 'word0 '.length);
    expect(observer.calls.length - batches.length - observer.told('queryTime').length).toBeLessThan(10);
  });

  it('is told of statements, how long each took', async () => {
    await alice.conversation();
    const times = observer.told('queryTime').map(([, ms]) => ms);
    expect(times.length).toBeGreaterThan(0);
    for (const ms of times) expect(ms).toBeGreaterThan(0);
  });

  it('is told how many readers there are, and how long a reply has waited for its turn', async () => {
    const { id } = await alice.conversation();
    const gate = hold();
    model.script(reply(['One', gate, ' more']), reply('Two'));
    const running = await (await alice.stream(id, 'First')).count(2);
    const queued = await alice.open('POST', `/chat/${id}/stream`, { content: 'Second', on_busy: 'queue' });
    expect(observer.told('readers').map(([, open]) => open)).toEqual([1, 2]);
    await new Promise((resolve) => setTimeout(resolve, 60));
    gate.release();
    await Promise.all([running.done(), queued.done()]);
    expect(observer.told('queueWait')).toEqual([['queueWait', MS]]);
    expect(observer.told('queueWait')[0][1]).toBeGreaterThanOrEqual(50);
    await until(async () => observer.told('readers').at(-1)?.[1] === 0);
  });
});
