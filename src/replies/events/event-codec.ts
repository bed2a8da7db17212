import { REPLY_BOUNDS } from '../../config/bounds';
import type { TokenUsage } from '../../llm/llm-client';
import type { MessagePart } from '../../messages/content/parts';
import type { StartPlaces } from '../../messages/message.types';
import type { Message } from '../../messages/messages.service';
import { deltaCount, textOf, type ReplyContent, type ReplyDelta } from '../../messages/content/reply-content';
import { ReplyCursor, type ReplyPieces } from '../../messages/content/reply-cursor';
import type {
  ContentEvent,
  EndEvent,
  ErrorEvent,
  EventOf,
  ReplyEvent,
  StartEvent,
  StreamEvent,
} from './reply-event.dto';

const NO_LENGTHS = new Uint8Array();

/** Columns of a closed reply that its terminal event is made from. */
type Ending = Pick<Message, 'id' | 'parts' | 'finish_reason' | 'usage' | 'error'>;

/** An entry of a reply's log, serialised once for all of its readers. */
export interface LoggedEvent {
  messageId: string;
  /** 1, 2, 3 … without gaps; 0 for events that are not part of the log and have no id (`queued`, `title`). */
  sequence: number;
  event: StreamEvent;
  /** `event` as JSON: for the journal, and for encoders that send it as it is. */
  json: string;
  /** Whether this is the last entry (`end` or `error`). */
  terminal: boolean;
}

export function logged(messageId: string, sequence: number, event: StreamEvent): LoggedEvent {
  return { messageId, sequence, event, json: JSON.stringify(event), terminal: isTerminal(event) };
}

/** Event that tells a reader of a queued reply its place in the queue of its model. */
export function queuedNotice(messageId: string, position: number): LoggedEvent {
  return logged(messageId, 0, { type: 'queued', data: { message_id: messageId, position } });
}

/** Event that tells a feed of a conversation the title that the service has given it. */
export function titleNotice(conversationId: string, title: string): LoggedEvent {
  return logged('', 0, { type: 'title', data: { conversation_id: conversationId, title } });
}

function isTerminal(event: LoggedEvent['event']): boolean {
  return event.type === 'end' || event.type === 'error';
}

export function startEvent(reply: {
  conversation_id: string;
  id: string;
  parent_id: string | null;
  model: string | null;
  start_places?: StartPlaces | null;
}): StartEvent {
  return {
    type: 'start',
    data: {
      conversation_id: reply.conversation_id,
      message_id: reply.id,
      user_message_id: reply.parent_id ?? '',
      model: reply.model ?? '',
      ...(reply.start_places && shownPositions(reply.start_places)),
    },
  };
}

function shownPositions([own, userPosition, userCount]: StartPlaces) {
  return {
    sibling_count: own,
    sibling_position: own,
    user_sibling_count: userCount,
    user_sibling_position: userPosition,
  };
}

/** Conversion between a kind of part and its event. */
interface PartCodec<Part extends MessagePart, Event extends ContentEvent> {
  /** Type of its event. */
  event: Event['type'];
  /** Builds the event key by key: the database returns JSON with its own order of keys, and a replay has the bytes of the live stream. */
  toEvent(part: Readonly<Part>): Event;
  toPart(data: Event['data']): Part;
}

type PartType = MessagePart['type'];
type AnyCodec = PartCodec<MessagePart, ContentEvent>;

/** Event ⇄ part for each kind of content. All content that is logged, journalled, recovered or replayed passes through this table. */
export const PART_CODECS = {
  text: {
    event: 'chunk',
    toEvent: ({ text }) => ({ type: 'chunk', data: { content: text } }),
    toPart: ({ content }) => ({ type: 'text', text: content }),
  },
  reasoning: {
    event: 'reasoning',
    toEvent: ({ text }) => ({ type: 'reasoning', data: { content: text } }),
    toPart: ({ content }) => ({ type: 'reasoning', text: content }),
  },
} satisfies { [T in PartType]: PartCodec<Extract<MessagePart, { type: T }>, EventOf<T>> };

const codecs: Readonly<Record<PartType, AnyCodec>> = PART_CODECS;

/** Codecs by type of event; undefined for events that start or end a reply. */
export const EVENT_CODECS: Partial<Record<StreamEvent['type'], AnyCodec>> = Object.fromEntries(
  Object.values(codecs).map((codec) => [codec.event, codec]),
);

/** Delta that an event adds to the reply's content; undefined for an event that starts or ends the reply. */
export function deltaOf({ type, data }: StreamEvent): ReplyDelta | undefined {
  // Nearly every event is a chunk, which needs no look-up.
  if (type === 'chunk') return PART_CODECS.text.toPart(data);
  return EVENT_CODECS[type]?.toPart(data as ContentEvent['data']);
}

/** Event that shows a delta of the reply's content. */
export function deltaEvent(delta: ReplyDelta): ContentEvent {
  // Nearly every delta is text, which needs no look-up.
  if (delta.type === 'text') return PART_CODECS.text.toEvent(delta);
  return codecs[delta.type].toEvent(delta);
}

/** Terminal event of a finished reply: the same for live readers and for replays years later. */
export function terminalEvent(reply: Ending): EndEvent | ErrorEvent {
  if (reply.error) return errorEvent(reply.error);
  return {
    type: 'end',
    data: {
      full_text: textOf(reply.parts),
      message_id: reply.id,
      finish_reason: reply.finish_reason ?? 'other',
      usage: reply.usage && usageOf(reply.usage),
    },
  };
}

/** Fixes the order of the keys: the database returns JSON with its own key order. */
function usageOf({
  input_tokens,
  output_tokens,
  reasoning_tokens,
  cached_input_tokens,
  estimated,
}: TokenUsage): TokenUsage {
  return { input_tokens, output_tokens, reasoning_tokens, cached_input_tokens, estimated };
}

export function errorEvent(error: ErrorEvent['data']): ErrorEvent {
  const { code, message, retryable } = error;
  return { type: 'error', data: { code, message, retryable } };
}

/** Events of an open reply after a sequence, at most `count`, fewer if they are long. Without `start` the log has no first event yet. */
export function eventsAfter(
  { messageId, start, content }: { messageId: string; start?: StartEvent; content: ReplyContent },
  after: number,
  count: number,
): LoggedEvent[] {
  const head: ReplyEvent[] = after === 0 && start ? [start] : [];
  const deltaEvents = content
    .deltasAfter(Math.max(after - 1, 0), count - head.length, REPLY_BOUNDS.batchCharacters.limit)
    .map(deltaEvent);
  return [...head, ...deltaEvents].map((event, index) => logged(messageId, after + index + 1, event));
}

/** Columns of a closed reply that its log is rebuilt from. */
export type StoredReply = Ending &
  Pick<Message, 'conversation_id' | 'parent_id' | 'model' | 'attempts' | 'event_lengths'> &
  Partial<Pick<Message, 'start_places'>>;

/** The sequence of a closed reply's terminal event. */
export function lastSequence({ parts, event_lengths }: StoredReply): number {
  return deltaCount(parts, event_lengths) + 2;
}

/**
 * A reader's position in the log of a closed reply. It keeps nothing else: each call is passed the reply, and only the events of one
 * batch are created. Used by `ReplyReader`.
 */
export class StoredLogCursor {
  private readonly cursor = new ReplyCursor();
  private sequence = 0;
  private ended = false;

  /** @param after sequence of the last event that the reader has */
  constructor(private readonly after: number) {}

  /** The next batch of events; empty after the last one. */
  next(reply: StoredReply): LoggedEvent[] {
    const { batchEvents, batchCharacters } = REPLY_BOUNDS;
    const pieces = { parts: reply.parts, lengths: reply.event_lengths ?? NO_LENGTHS };
    const batch: LoggedEvent[] = [];
    for (let length = 0; batch.length < batchEvents.limit && length < batchCharacters.limit && !this.ended;) {
      const event = this.advance(reply, pieces);
      if (!event) continue;
      batch.push(event);
      length += event.json.length + reply.id.length;
    }
    return batch;
  }

  /** Advances by one event; undefined for an event that the reader has already. */
  private advance(reply: StoredReply, pieces: ReplyPieces): LoggedEvent | undefined {
    const first = this.sequence++ === 0;
    if (!first) this.ended = !this.cursor.advance(pieces);
    if (this.sequence <= this.after) return undefined;
    if (this.ended) return logged(reply.id, this.sequence, terminalEvent(reply));
    const event = first ? startOf(reply) : deltaEvent(this.cursor.delta(pieces));
    return logged(reply.id, this.sequence, event);
  }
}

/** The `start` event names the model that was asked first, whichever answered. */
function startOf(reply: StoredReply): StartEvent {
  return startEvent({ ...reply, model: reply.attempts.at(0)?.model ?? reply.model });
}
