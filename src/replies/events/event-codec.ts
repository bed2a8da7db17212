import { REPLY_BOUNDS } from '../../config/bounds';
import type { TokenUsage } from '../../llm/llm-client';
import type { Message } from '../../messages/messages.service';
import { deltaCount, textOf, type ReplyContent, type ReplyDelta } from '../../messages/reply-content';
import { ReplyCursor, type ReplyPieces } from '../../messages/reply-cursor';
import type { EndEvent, ErrorEvent, ReplyEvent, StartEvent } from './reply-event.dto';

const NO_LENGTHS = new Uint8Array();

/** How a closed reply ended. */
type Ending = Pick<Message, 'id' | 'parts' | 'finish_reason' | 'usage' | 'error'>;

/** An entry of a reply's log, serialised once for all of its readers. */
export interface LoggedEvent {
  messageId: string;
  /** 1, 2, 3 … without gaps. */
  sequence: number;
  /** The `ReplyEvent` as JSON. */
  json: string;
  /** The last entry. */
  terminal: boolean;
}

export function logged(messageId: string, sequence: number, event: ReplyEvent): LoggedEvent {
  return { messageId, sequence, json: JSON.stringify(event), terminal: isTerminal(event) };
}

function isTerminal(event: ReplyEvent): boolean {
  return event.type === 'end' || event.type === 'error';
}

export function startEvent(reply: {
  conversation_id: string;
  id: string;
  parent_id: string | null;
  model: string | null;
}): StartEvent {
  return {
    type: 'start',
    data: {
      conversation_id: reply.conversation_id,
      message_id: reply.id,
      user_message_id: reply.parent_id ?? '',
      model: reply.model ?? '',
    },
  };
}

/** What an event adds to its reply; undefined for one that begins or ends it. */
export function deltaOf({ type, data }: ReplyEvent): ReplyDelta | undefined {
  if (type === 'chunk') return { type: 'text', text: data.content };
  return type === 'reasoning' ? { type, text: data.content } : undefined;
}

export function deltaEvent(delta: ReplyDelta): ReplyEvent {
  return { type: delta.type === 'text' ? 'chunk' : 'reasoning', data: { content: delta.text } };
}

/** How a finished reply ends its log: the same whether it is told live or years later. */
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

/** The database gives JSON back with its keys in an order of its own. */
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

/** The log of an open reply after a sequence, at most `count` events of it. Without its `start` there is none yet. */
export function eventsAfter(
  { messageId, start, content }: { messageId: string; start?: StartEvent; content: ReplyContent },
  after: number,
  count: number,
): LoggedEvent[] {
  const begun: ReplyEvent[] = after === 0 && start ? [start] : [];
  const said = content
    .deltasAfter(Math.max(after - 1, 0), count - begun.length, REPLY_BOUNDS.batchCharacters.limit)
    .map(deltaEvent);
  return [...begun, ...said].map((event, index) => logged(messageId, after + index + 1, event));
}

/** What a closed reply's log is made from. */
export type StoredReply = Ending &
  Pick<Message, 'conversation_id' | 'parent_id' | 'model' | 'attempts' | 'event_lengths'>;

/** The sequence of a closed reply's terminal event. */
export function lastSequence({ parts, event_lengths }: StoredReply): number {
  return deltaCount(parts, event_lengths) + 2;
}

/**
 * A reader's place in the log of a closed reply. It keeps no more than that: the reply is given to each call, and of its events only
 * those of one batch are made.
 */
export class StoredLogCursor {
  private readonly cursor = new ReplyCursor();
  private sequence = 0;
  private ended = false;

  /** @param after where to begin: the sequence of an event that the reader has */
  constructor(private readonly after: number) {}

  /** The events that come next; none after the last. */
  next(reply: StoredReply): LoggedEvent[] {
    const { batchEvents, batchCharacters } = REPLY_BOUNDS;
    const pieces = { parts: reply.parts, lengths: reply.event_lengths ?? NO_LENGTHS };
    const batch: LoggedEvent[] = [];
    for (let length = 0; batch.length < batchEvents.limit && length < batchCharacters.limit && !this.ended;) {
      const event = this.take(reply, pieces);
      if (!event) continue;
      batch.push(event);
      length += event.json.length + reply.id.length;
    }
    return batch;
  }

  /** Goes on by one event; undefined for one that the reader has. */
  private take(reply: StoredReply, pieces: ReplyPieces): LoggedEvent | undefined {
    const first = this.sequence++ === 0;
    if (!first) this.ended = !this.cursor.advance(pieces);
    if (this.sequence <= this.after) return undefined;
    if (this.ended) return logged(reply.id, this.sequence, terminalEvent(reply));
    const event = first ? startOf(reply) : deltaEvent(this.cursor.delta(pieces));
    return logged(reply.id, this.sequence, event);
  }
}

/** A log began with the model that was asked, whichever answered then. */
function startOf(reply: StoredReply): StartEvent {
  return startEvent({ ...reply, model: reply.attempts.at(0)?.model ?? reply.model });
}

/** All of the log of a closed reply after a sequence. */
export function storedEvents(reply: StoredReply, after: number): LoggedEvent[] {
  const events: LoggedEvent[] = [];
  const cursor = new StoredLogCursor(after);
  for (let batch = cursor.next(reply); batch.length; batch = cursor.next(reply)) events.push(...batch);
  return events;
}
