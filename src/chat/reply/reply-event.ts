import type { TokenUsage } from '../../llm/llm-client';
import type { Message } from '../../messages/messages.service';
import { deltasOf, textOf, type ReplyContent, type ReplyDelta } from '../../messages/reply-content';
import type { EndEvent, ErrorEvent, ReplyEvent, StartEvent } from './reply-event.dto';

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
  const said = content.deltasAfter(Math.max(after - 1, 0), count - begun.length).map(deltaEvent);
  return [...begun, ...said].map((event, index) => logged(messageId, after + index + 1, event));
}

/** The log of a closed reply after a sequence. It began with the model that was asked, whichever answered then. */
export function storedEvents(reply: Message, after: number): LoggedEvent[] {
  const events: ReplyEvent[] = [
    startEvent({ ...reply, model: reply.attempts.at(0)?.model ?? reply.model }),
    ...deltasOf(reply.parts, reply.event_lengths).map(deltaEvent),
    terminalEvent(reply),
  ];
  return events.slice(after).map((event, index) => logged(reply.id, after + index + 1, event));
}
