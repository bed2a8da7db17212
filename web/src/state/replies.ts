import { followReply, type MessagePart, type ReplyEvent } from '@client';
import { shallowReactive, shallowRef, type ShallowRef } from 'vue';
import { session } from './session';
import { stored } from './preferences';

/** A reply that is being written, as far as this page has read it. */
export interface LiveReply {
  messageId: string;
  conversationId: string;
  parts: MessagePart[];
  /** Of the text, without reasoning. */
  length: number;
  /** Milliseconds of thinking, once it has ended. */
  thoughtMs: number | undefined;
  thinkingSince: number | undefined;
  ended: 'completed' | 'stopped' | 'failed' | undefined;
  error: { code: string; message: string; retryable: boolean } | undefined;
}

/** Who tells of a reply: the feed of the user, or, where that does not, a stream of its own. */
type Source = 'feed' | 'stream';

const THOUGHTS_KEPT = 100;

const live = shallowReactive(new Map<string, ShallowRef<LiveReply>>());
const sources = new Map<string, Source>();
/** Replies that are being read by streams of their own. */
const followed = new Set<string>();
/** How long replies have thought, which the service does not keep. */
const thoughts = stored<Record<string, number>>('thoughts', {});
const changed = new Set<ShallowRef<LiveReply>>();
let frame = 0;

/** Draws once per frame however many events come; a page that nobody looks at has no frames. */
function draw(reply: ShallowRef<LiveReply>): void {
  changed.add(reply);
  if (frame) return;
  const run = () => {
    frame = 0;
    // Another object, as computed values look at nothing else.
    for (const each of changed) each.value = { ...each.value };
    changed.clear();
  };
  frame = document.hidden ? window.setTimeout(run, 200) : requestAnimationFrame(run);
}

function begin(messageId: string, conversationId: string): ShallowRef<LiveReply> {
  const reply = shallowRef<LiveReply>({
    messageId,
    conversationId,
    parts: [],
    length: 0,
    thoughtMs: undefined,
    thinkingSince: undefined,
    ended: undefined,
    error: undefined,
  });
  live.set(messageId, reply);
  return reply;
}

function append({ parts }: LiveReply, type: MessagePart['type'], text: string): void {
  const open = parts.at(-1);
  if (open?.type === type) open.text += text;
  else parts.push({ type, text });
}

function endThinking(reply: LiveReply): void {
  if (reply.thinkingSince === undefined || reply.thoughtMs !== undefined) return;
  reply.thoughtMs = performance.now() - reply.thinkingSince;
  const entries = [
    ...Object.entries(thoughts.value),
    [reply.messageId, Math.round(reply.thoughtMs)] as const,
  ];
  thoughts.value = Object.fromEntries(entries.slice(-THOUGHTS_KEPT));
}

/** What an event changes. Whatever comes without the beginning of its reply, or from the second source, is left out. */
function apply(event: ReplyEvent, messageId: string, source: Source): void {
  if (event.type === 'start') {
    if (sources.has(messageId)) return;
    sources.set(messageId, source);
    begin(messageId, event.data.conversation_id);
  }
  const ref = live.get(messageId);
  if (!ref || sources.get(messageId) !== source) return;
  const reply = ref.value;
  if (event.type === 'chunk') {
    endThinking(reply);
    append(reply, 'text', event.data.content);
    reply.length += event.data.content.length;
  } else if (event.type === 'reasoning') {
    reply.thinkingSince ??= performance.now();
    append(reply, 'reasoning', event.data.content);
  } else if (event.type === 'end') {
    endThinking(reply);
    reply.ended = event.data.finish_reason === 'stopped' ? 'stopped' : 'completed';
  } else if (event.type === 'error') {
    endThinking(reply);
    reply.ended = 'failed';
    reply.error = event.data;
  }
  draw(ref);
}

export const replies = {
  find: (messageId: string) => live.get(messageId)?.value,
  thoughtMs: (messageId: string) => thoughts.value[messageId],
  apply,

  /** The stored message says all that is known here. */
  forget(messageId: string): void {
    live.delete(messageId);
    sources.delete(messageId);
  },

  /** Events were missed: what is not complete here is read again. */
  forgetAll(): void {
    live.clear();
    sources.clear();
  },

  /** Reads a reply of which the feed has told no beginning, unless it tells it meanwhile. */
  async follow(messageId: string, signal: AbortSignal): Promise<void> {
    if (sources.has(messageId) || followed.has(messageId)) return;
    followed.add(messageId);
    try {
      for await (const event of followReply({ baseUrl: '', headers: session.headers, messageId, signal }))
        apply(event, messageId, 'stream');
    } finally {
      followed.delete(messageId);
      // Left before its end: whoever comes back reads it from the start.
      if (sources.get(messageId) === 'stream' && !live.get(messageId)?.value.ended) replies.forget(messageId);
    }
  },
};
