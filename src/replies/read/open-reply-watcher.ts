import { Injectable, type OnModuleInit } from '@nestjs/common';
import { Poller } from '../../common/poller';
import { QueueService } from '../../messages/queue.service';
import { SlotQueue, type MaybeWaiting } from '../../messages/slot-queue';
import { ActiveReplies } from '../produce/active-replies';

const POLL_INTERVAL_MS = 200;
/** Also the shortest time between two events of a place. */
const PLACES_INTERVAL_MS = 1_000;

interface Reader {
  /** The place that it knows. */
  place: number;
  resume: (place?: number) => void;
}

/** A queued reply that is waited for. */
interface Watched {
  reply: MaybeWaiting;
  readers: Set<Reader>;
}

/**
 * Suspends readers of queued replies until the reply has started, here or in another process, or its place in the queue of its model
 * has changed. One poll serves all of them. Called by `ReplyReader`.
 */
@Injectable()
export class QueuedReplyWatcher implements OnModuleInit {
  private readonly waiting = new Map<string, Watched>();
  private readonly poll = new Poller({
    name: 'queued replies',
    everyMs: () => POLL_INTERVAL_MS,
    isNeeded: () => this.waiting.size > 0,
    poll: async () => this.wake(await this.queue.notWaiting([...this.waiting.keys()])),
  });
  private readonly placesPoll = new Poller({
    name: 'places of queued replies',
    everyMs: () => PLACES_INTERVAL_MS,
    isNeeded: () => this.slots.models.length > 0 && this.waiting.size > 0,
    poll: () => this.tellPlaces(),
  });

  constructor(
    private readonly queue: QueueService,
    private readonly slots: SlotQueue,
    private readonly active: ActiveReplies,
  ) {}

  onModuleInit(): void {
    this.active.started.subscribe(({ messageId }) => this.wake([messageId]));
    this.active.closing.subscribe(() => this.wake([...this.waiting.keys()]));
  }

  /**
   * Settles when the reply has another place in the queue of its model, with that place; with none when the reply is no longer queued,
   * the process ends, or the signal aborts.
   * @param place the place that the reader knows; 0 for none
   */
  async untilChanged(reply: MaybeWaiting, place: number, signal: AbortSignal): Promise<number | undefined> {
    if (signal.aborted) return undefined;
    const { promise, resolve } = Promise.withResolvers<number | undefined>();
    const reader = { place, resume: resolve };
    const watched = this.waiting.get(reply.id) ?? { reply, readers: new Set() };
    this.waiting.set(reply.id, watched);
    watched.readers.add(reader);
    const onAbort = (): void => resolve(undefined);
    signal.addEventListener('abort', onAbort);
    void this.poll.start();
    void this.placesPoll.start();
    const changed = await promise;
    // The signal may live far longer than this wait.
    signal.removeEventListener('abort', onAbort);
    watched.readers.delete(reader);
    if (!watched.readers.size && this.waiting.get(reply.id) === watched) this.waiting.delete(reply.id);
    return changed;
  }

  /** Resumes the readers of replies that are no longer queued. */
  wake(messageIds: string[]): void {
    for (const id of messageIds) this.waiting.get(id)?.readers.forEach(({ resume }) => resume());
  }

  private async tellPlaces(): Promise<void> {
    const replies = [...this.waiting.values()].map(({ reply }) => reply);
    for (const [id, place] of await this.slots.places(replies))
      for (const reader of this.waiting.get(id)?.readers ?? [])
        if (reader.place !== place) reader.resume(place);
  }
}
