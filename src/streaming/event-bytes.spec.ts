import { logged, type LoggedEvent } from '../replies/events/event-codec';
import { chunkOf } from './event-bytes';
import type { EventEncoder } from './event-encoder';

/** Encodes what the events say, from their types and not their JSON, and counts how often it does. */
class TestEncoder implements EventEncoder {
  encoded = 0;

  constructor(private readonly mark: string) {}

  encode(batch: readonly LoggedEvent[]): string {
    this.encoded++;
    return batch
      .map(({ event }) => `${this.mark}${event.type === 'chunk' ? event.data.content : ''}`)
      .join('');
  }
}

const batchOf = (content: string) => [logged('reply', 2, { type: 'chunk', data: { content } })];

it('a long batch is made bytes once, which its readers share', () => {
  const long = batchOf('é'.repeat(10_000));
  const encoder = new TestEncoder('');
  const { framed } = chunkOf(long, encoder);
  expect(framed).toEqual(Buffer.from(`4e20\r\n${'é'.repeat(10_000)}\r\n`));
  expect(chunkOf(long, encoder).framed).toBe(framed);
});

it('a batch is encoded once per encoder, in whatever order its readers come', () => {
  const [a, b] = [new TestEncoder('a:'), new TestEncoder('b:')];
  const batch = batchOf('é');
  for (let reader = 0; reader < 5; reader++) {
    expect(chunkOf(batch, a)).toEqual({ framed: '4\r\na:é\r\n', text: 'a:é', encoding: 'utf8' });
    expect(chunkOf(batch, b).text).toBe('b:é');
  }
  expect([a.encoded, b.encoded]).toEqual([1, 1]);
  expect(chunkOf(batchOf('next'), a)).toMatchObject({ text: 'a:next', encoding: 'latin1' });
  expect([a.encoded, b.encoded]).toEqual([2, 1]);
});
