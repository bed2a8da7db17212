/** Text by the user or the model. */
export interface TextPart {
  type: 'text';
  text: string;
}

/** Reasoning of a model: shown, but not part of the answer. */
export interface ReasoningPart {
  type: 'reasoning';
  text: string;
}

/**
 * One of the parts of a message, which are in order. A further kind of content is a member of this union and the rows that the compiler then
 * demands: its event (`EventOfPart`) and its codec (`PART_CODECS` in `src/replies/events/`). Log, journal, recovery and replays carry it without
 * a change.
 */
export type MessagePart = TextPart | ReasoningPart;

/** A kind with `text` is written in stretches, each of which is an event. Neighbours of one type are joined. */
export type TextLikePart = Extract<MessagePart, { text: string }>;

/** Any other kind is an item: it comes whole, as one event, and is not joined with its neighbours. */
export type ItemPart = Exclude<MessagePart, TextLikePart>;

export function isTextLike<P extends Readonly<MessagePart>>(
  part: P,
): part is Extract<P, Readonly<TextLikePart>> {
  return 'text' in part;
}
