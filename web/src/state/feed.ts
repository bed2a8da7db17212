import { followEvents, ProblemError, type ReplyEvent, type UserEvent } from '@client';
import { ref } from 'vue';
import { replies } from './replies';
import { session } from './session';

type Listener = (event: UserEvent) => void;

const listeners = new Set<Listener>();
const openings = new Set<() => void>();
/** False while the page waits for the service. */
const connected = ref(true);
let leave: AbortController | undefined;

/** One connection per page tells everything: what happens to conversations, and every word of every running reply. */
async function read(signal: AbortSignal): Promise<void> {
  let hasPlace = false;
  const onOpen = () => {
    connected.value = true;
    // A connection goes on after the last event. Until there was one, nobody tells what happened before it or between two of them.
    if (!hasPlace) beginAnew();
  };
  const onRetry = () => (connected.value = false);
  const options = { baseUrl: '', headers: session.headers, signal, onOpen, onRetry };
  for await (const event of followEvents({ ...options, include: 'chunks' })) {
    hasPlace ||= event.id !== undefined;
    if (isOfReply(event)) replies.apply(event, event.data.message_id, 'feed');
    if (event.type === 'reset') beginAnew();
    for (const listener of listeners) listener(event);
  }
}

/** Replies that run are told from their start, or read by themselves. */
function beginAnew(): void {
  replies.forgetAll();
  for (const listener of openings) listener();
}

type Told = ReplyEvent & { data: { message_id: string; conversation_id: string } };

function isOfReply(event: UserEvent | ReplyEvent): event is Told {
  return ['start', 'chunk', 'reasoning', 'end', 'error'].includes(event.type) && 'message_id' in event.data;
}

export const feed = {
  connected,
  /** Told of each event, until the answer is called. */
  listen(listener: Listener): () => void {
    listeners.add(listener);
    return () => listeners.delete(listener);
  },
  /** Told when everything has to be read (again). */
  onOpen(listener: () => void): void {
    openings.add(listener);
  },
  open(): void {
    leave?.abort();
    const { signal } = (leave = new AbortController());
    read(signal).catch((error: unknown) => {
      if (signal.aborted) return;
      connected.value = false;
      if (error instanceof ProblemError && error.status === 401) session.refused();
      // Too many streams, or an id of before that this service does not know: begins anew a little later.
      else setTimeout(() => !signal.aborted && feed.open(), 3_000);
    });
  },
  close(): void {
    leave?.abort();
    replies.forgetAll();
  },
};
