import { OPEN_ANSWER_BOUNDS } from '../../config/bounds';
import { FeedCursor, parseFeedId } from './user-feed-cursor';

const refOf = (n: number) => ({
  userId: 'alice',
  conversationId: '019a5b1c-7f00-7000-8000-000000000001',
  messageId: `019a5b1c-7f00-7000-8000-${String(n).padStart(12, '0')}`,
});
const { limit } = OPEN_ANSWER_BOUNDS.repliesOfUserFeed;

describe('the ids of a user feed', () => {
  it('say how far the user and each reply were read', () => {
    const place = new FeedCursor(1_795_000_000_123, true);
    for (let n = 0; n < limit; n++) place.add(refOf(n), n * 1_000);
    expect(place.isFull).toBe(true);
    const { seq, replies } = parseFeedId(place.id);
    expect(seq).toBe(1_795_000_000_123);
    expect([...replies]).toEqual(Array.from({ length: limit }, (_, n) => [refOf(n).messageId, n * 1_000]));
    // The id comes back in a header, whose length servers limit.
    expect(place.id.length).toBeLessThan(4_096);
  });

  it('forget replies that have ended', () => {
    const place = new FeedCursor(7, true);
    place.add(refOf(1), 0);
    place.advance(refOf(1), 4);
    place.remove(refOf(1));
    place.advance(refOf(1), 5);
    expect(place.id).toBe('7.');
  });

  it('say whether the feed had replies', () => {
    expect(parseFeedId(new FeedCursor(7, true).id)).toMatchObject({ seq: 7, withReplies: true });
    expect(parseFeedId(new FeedCursor(7, false).id)).toMatchObject({ seq: 7, withReplies: false });
  });

  it.each([
    '',
    'A',
    '-1',
    '1.5',
    '1..',
    '.',
    '7.abc:1',
    '019a5b1c-7f00-7000-8000-000000000001:3',
    `7.${'A'.repeat(22)}`,
    `7.${'A'.repeat(21)}B:1`,
    `7.${'A'.repeat(22)}:-1`,
    '1'.repeat(40),
    `1${`.${'A'.repeat(22)}:1`.repeat(limit + 1)}`,
    '1\u00001',
  ])('are refused if no feed has made them: %j', (id) => {
    expect(() => parseFeedId(id)).toThrow(expect.objectContaining({ code: 'invalid_last_event_id' }));
  });
});
