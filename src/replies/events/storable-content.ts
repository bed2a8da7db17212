import type { MessagePart } from '../../messages/content/parts';
import { ReplyContent } from '../../messages/content/reply-content';

/** Divisor of the number of events from one form to the next shorter one. */
const SHRINK_DIVISOR = 4;

/**
 * Forms of a rejected reply that are tried next, each shorter than the one before: the reply without the characters that no text of
 * the database may hold, then its first events, fewer each time, and finally an empty reply.
 */
export function* storableForms(content: ReplyContent): Generator<ReplyContent> {
  const whole = ReplyContent.of(content.parts.map(storablePart), content.eventLengths);
  yield whole;
  for (let count = whole.eventCount; count > 0;) {
    count = Math.floor(count / SHRINK_DIVISOR);
    const first = new ReplyContent();
    whole.deltasAfter(0, count).forEach((delta) => first.add(delta));
    yield first;
  }
}

/**
 * Replaces lone surrogates and NUL by U+FFFD in all texts of a part. Their lengths in UTF-16 units stay the same, so that the events keep
 * their numbers and offsets.
 */
function storablePart(part: MessagePart): MessagePart {
  return JSON.parse(JSON.stringify(part), (_key, value: unknown) =>
    typeof value === 'string' ? value.toWellFormed().replaceAll('\0', '\uFFFD') : value,
  ) as MessagePart;
}
