import type { ReplyEvent } from '../../src/replies/events/reply-event.dto';

/** A reply as a client got it. */
export interface StreamedReply {
  events: ReplyEvent[];
  ids: string[];
  messageId: string;
  userMessageId: string;
  conversationId: string;
  /** All chunks together. */
  text: string;
  last: ReplyEvent;
}

/** Streams a reply to its end and takes it apart. */
export async function streamReply(
  url: string,
  user: string,
  options: { body?: object; method?: string; headers?: Record<string, string> } = {},
): Promise<StreamedReply> {
  const { body, method = 'POST', headers } = options;
  const response = await fetch(url, {
    method,
    headers: { 'X-User-ID': user, ...(body && { 'Content-Type': 'application/json' }), ...headers },
    ...(body && { body: JSON.stringify(body) }),
  });
  const text = await response.text();
  if (response.status !== 200) throw new Error(`${response.status} ${text}`);
  return takeApart(text);
}

function takeApart(stream: string): StreamedReply {
  const events = Array.from(stream.matchAll(/^data: (.*)$/gm), ([, json]) => JSON.parse(json) as ReplyEvent);
  const ids = Array.from(stream.matchAll(/^id: (.*)$/gm), ([, id]) => id);
  const start = events.find((event) => event.type === 'start');
  const chunks = events.map((event) => (event.type === 'chunk' ? event.data.content : ''));
  return {
    events,
    ids,
    messageId: start?.data.message_id ?? '',
    userMessageId: start?.data.user_message_id ?? '',
    conversationId: start?.data.conversation_id ?? '',
    text: chunks.join(''),
    last: events[events.length - 1],
  };
}
