import { setTimeout as sleep } from 'node:timers/promises';
import { InProcessSignals } from '../../signals/in-process-signals';
import { conversationTopic, replyTopic } from '../../signals/topics';
import { ActiveReplies } from './active-replies';

const reply = (id: string) => ({ messageId: id, conversationId: id, userId: 'alice' });

it('a reply that begins while the last ones are let finish is let finish as well', async () => {
  const active = new ActiveReplies(new InProcessSignals());
  const ends: [string, boolean][] = [];
  const produce = (id: string) => async (signal: AbortSignal) => {
    await sleep(40);
    ends.push([id, signal.aborted]);
  };
  active.start(reply('first'), produce('first'));
  const closed = active.close(5_000, new AbortController().signal);
  await sleep(60);
  active.start(reply('late'), produce('late'));
  await closed;
  expect(ends).toEqual([
    ['first', false],
    ['late', false],
  ]);
});

it('what runs is ended at once, and not cut off, when nobody wants to wait any more', async () => {
  const active = new ActiveReplies(new InProcessSignals());
  const hurry = new AbortController();
  const ends: unknown[] = [];
  active.start(reply('long'), async (signal) => {
    await sleep(60_000, undefined, { signal }).catch(() => ends.push(signal.reason));
  });
  const closed = active.close(60_000, hurry.signal);
  await sleep(50);
  expect(ends).toEqual([]);
  hurry.abort();
  await closed;
  expect(ends).toEqual(['shutdown']);
});

it('wakes those who wait for the reply, or for a turn of its conversation, when it is active', () => {
  const signals = new InProcessSignals();
  const active = new ActiveReplies(signals);
  const ref = { userId: 'alice', conversationId: 'c', messageId: 'm' };
  const heard: [string, boolean][] = [];
  for (const topic of [replyTopic('m'), conversationTopic('c'), replyTopic('another')])
    signals.subscribe(topic, () => heard.push([topic, active.has(ref)]));
  active.start(ref, () => new Promise(() => undefined));
  expect(heard).toEqual([
    [replyTopic('m'), true],
    [conversationTopic('c'), true],
  ]);
});
