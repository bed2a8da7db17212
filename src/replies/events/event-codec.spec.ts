import { storedEvents } from '../../../test/support/stored-events';
import fc from 'fast-check';
import { REPLY_BOUNDS } from '../../config/bounds';
import { ReplyContent, type ReplyDelta } from '../../messages/content/reply-content';
import {
  deltaEvent,
  eventsAfter,
  lastSequence,
  logged,
  startEvent,
  StoredLogCursor,
  terminalEvent,
  type LoggedEvent,
  type StoredReply,
} from './event-codec';

const { limit: MAX_CHARACTERS } = REPLY_BOUNDS.batchCharacters;
const { limit: MAX_EVENTS } = REPLY_BOUNDS.batchEvents;

function replyOf(deltas: ReplyDelta[]): StoredReply {
  const content = new ReplyContent();
  deltas.forEach((delta) => content.add(delta));
  return {
    id: '019a5b1c-7f00-7000-8000-00000000000a',
    conversation_id: 'conversation',
    parent_id: 'parent',
    model: 'second',
    attempts: [
      { provider: 'p', model: 'first', outcome: 'ok', started_at: '', first_event_ms: 1, duration_ms: 1 },
    ],
    parts: content.parts,
    event_lengths: content.eventLengths,
    finish_reason: 'stop',
    usage: null,
    error: null,
  };
}

/** The log as a plain list: the expected output of the cursor. */
function wholeLog(reply: StoredReply, deltas: ReplyDelta[]): LoggedEvent[] {
  const start = startEvent({ ...reply, model: 'first' });
  return [start, ...deltas.map(deltaEvent), terminalEvent(reply)].map((event, i) =>
    logged(reply.id, i + 1, event),
  );
}

function batchesOf(reply: StoredReply, after: number): LoggedEvent[][] {
  const cursor = new StoredLogCursor(after);
  const batches: LoggedEvent[][] = [];
  for (let batch = cursor.next(reply); batch.length; batch = cursor.next(reply)) batches.push(batch);
  return batches;
}

const alternating = (count: number, text: string): ReplyDelta[] =>
  Array.from({ length: count }, (_, i) => ({ type: i % 2 ? 'text' : 'reasoning', text }));

describe('the log of a closed reply', () => {
  it('is the same from any place', () => {
    const delta = fc.record({
      type: fc.constantFrom('text' as const, 'reasoning' as const),
      text: fc.string({ minLength: 1 }),
    });
    fc.assert(
      fc.property(fc.array(delta), fc.nat(30), (deltas, after) => {
        const reply = replyOf(deltas);
        expect(storedEvents(reply, after)).toEqual(wholeLog(reply, deltas).slice(after));
        expect(lastSequence(reply)).toBe(deltas.length + 2);
      }),
    );
  });

  it.each([0, 1, 2, 1_023, 1_024, 1_025, 7_777, 10_001, 10_002, 10_003])(
    'comes in batches that together are all of it after %d',
    (after) => {
      const deltas = alternating(10_000, 'x');
      const reply = replyOf(deltas);
      const batches = batchesOf(reply, after);
      expect(batches.flat()).toEqual(wholeLog(reply, deltas).slice(after));
      for (const batch of batches) expect(batch.length).toBeLessThanOrEqual(MAX_EVENTS);
    },
  );

  it('makes batches of few events where these are long', () => {
    const deltas = alternating(20, 'x'.repeat(MAX_CHARACTERS / 4));
    const reply = replyOf(deltas);
    const batches = batchesOf(reply, 0);
    expect(batches.flat()).toEqual(wholeLog(reply, deltas));
    expect(batches.length).toBeGreaterThanOrEqual(5);
  });

  it('can go on with another copy of the row', () => {
    const deltas = alternating(5_000, 'x');
    const cursor = new StoredLogCursor(100);
    const events: LoggedEvent[] = [];
    for (let batch = cursor.next(replyOf(deltas)); batch.length; batch = cursor.next(replyOf(deltas)))
      events.push(...batch);
    expect(events).toEqual(wholeLog(replyOf(deltas), deltas).slice(100));
  });

  it('has one event for each part of a row without lengths', () => {
    const reply = { ...replyOf(alternating(3, 'abc')), event_lengths: null };
    expect(storedEvents(reply, 0)).toEqual(wholeLog(reply, alternating(3, 'abc')));
    expect(lastSequence(reply)).toBe(5);
  });
});

describe('the log of an open reply', () => {
  it('is given out in batches that hold few events where these are long', () => {
    const content = new ReplyContent();
    const deltas = alternating(20, 'x'.repeat(MAX_CHARACTERS / 4));
    deltas.forEach((delta) => content.add(delta));
    const reply = { messageId: 'reply', start: undefined, content };
    expect(eventsAfter(reply, 1, 256)).toHaveLength(4);
    expect(eventsAfter(reply, 5, 256)[0]).toEqual(logged('reply', 6, deltaEvent(deltas[4])));
  });
});
