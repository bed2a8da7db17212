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
  let opened = false;
  const onOpen = () => {
    connected.value = true;
    // Before the first one nothing was heard; what a later one has missed, it is told.
    if (!opened) for (const listener of openings) listener();
    opened = true;
  };
  const onRetry = () => (connected.value = false);
  const options = { baseUrl: '', headers: session.headers, signal, onOpen, onRetry };
  for await (const event of followEvents({ ...options, include: 'chunks' })) {
    if (isOfReply(event)) replies.apply(event, event.data.message_id, 'feed');
    if (event.type === 'reset') {
      replies.forgetAll();
      for (const listener of openings) listener();
    }
    for (const listener of listeners) listener(event);
  }
}

type Told = ReplyEvent & { data: { message_id: string; conversation_id: string } };

function isOfReply(event: UserEvent | ReplyEvent): event is Told {
  return ['start', 'chunk', 'reasoning', 'end', 'error'].includes(event.type) && 'message_id' in event.data;
}

export const feed = {
  connected,
  /** Told of each event. */
  listen(listener: Listener): void {
    listeners.add(listener);
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
