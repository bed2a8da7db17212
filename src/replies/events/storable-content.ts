import { ReplyContent } from '../../messages/reply-content';

/** Each shorter form has so large a share of the events of the one before. */
const SHARE = 4;

/**
 * What is left to be tried of a reply that the database refuses, each form less than the one before: the same without what no text of
 * the database may hold, then its first events, fewer and fewer, and in the end nothing.
 */
export function* storableForms(content: ReplyContent): Generator<ReplyContent> {
  const whole = ReplyContent.of(content.parts.map(storablePart), content.eventLengths);
  yield whole;
  for (let count = whole.eventCount; count > 0;) {
    count = Math.floor(count / SHARE);
    const first = new ReplyContent();
    whole.deltasAfter(0, count).forEach((delta) => first.add(delta));
    yield first;
  }
}

/** The same length in UTF-16 units, so that its events keep their numbers and places. */
function storablePart<T extends { text: string }>(part: T): T {
  return { ...part, text: part.text.toWellFormed().replaceAll('\0', '\uFFFD') };
}
