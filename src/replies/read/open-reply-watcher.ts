import { Injectable } from '@nestjs/common';
import { Poller } from '../../common/poller';
import { Wakeup } from '../../common/wakeup';
import { replyRef, type ReplyRef } from '../../messages/message.types';
import type { MessageHeader } from '../../messages/messages.service';
import { OpenRepliesService } from '../../messages/open-replies.service';
import { QueueService } from '../../messages/queue.service';
import { SlotQueue } from '../../messages/slot-queue';
import { Signals } from '../../signals/signals';
import { replyTopic } from '../../signals/topics';

/** Poll interval while the end of a running reply is awaited, mostly one whose stop was requested. */
const POLL_INTERVAL_MS = 100;
/** Poll interval while only queued replies are watched. */
const QUEUED_POLL_INTERVAL_MS = 200;
/** Poll interval of places in queues, and so the shortest time between two `queued` events of a reply. */
const PLACES_INTERVAL_MS = 1_000;

/** An open reply, shared by all callers that wait for it. */
interface Watched {
  reply: MessageHeader;
  waiting: number;
  /** Place in the queue of its model, from 1; 0 while none is known. */
  place: number;
}

/** Changes of one reply. None is lost between two calls of `wait`; several settle one call. */
export interface ReplyChanges {
  /**
   * Settles when the open reply has begun or ended, or has another place in the queue of its model than `place`, or may have. Returns
   * its place then, which equals `place` if something else has changed.
   */
  wait(reply: MessageHeader, options?: { place?: number; atMostMs?: number }): Promise<number>;
  /** Ends the current call of `wait`, or the next one at once. */
  wake: () => void;
  /** Ends the subscription; to be called when no further `wait` follows. */
  end: () => void;
}

/**
 * Waits for changes of open replies. Changes by this process publish the topic of the reply (`Signals`); changes by other processes are polled
 * while a caller waits, in one poll for all, and published in the same way: a queued reply has begun, was cancelled or has another place; a
 * running one has ended or was deleted. Called by `ReplyReader` and `ReplyCanceller`.
 */
@Injectable()
export class OpenReplyWatcher {
  private readonly watched = new Map<string, Watched>();
  private readonly poll = new Poller({
    name: 'open replies',
    everyMs: () => (this.withStatus('streaming').length ? POLL_INTERVAL_MS : QUEUED_POLL_INTERVAL_MS),
    isNeeded: () => this.watched.size > 0,
    poll: () => this.check(),
  });
  private readonly placesPoll = new Poller({
    name: 'places of queued replies',
    everyMs: () => PLACES_INTERVAL_MS,
    isNeeded: () => this.slots.models.length > 0 && this.watched.size > 0,
    poll: () => this.checkPlaces(),
  });

  constructor(
    private readonly queue: QueueService,
    private readonly openReplies: OpenRepliesService,
    private readonly slots: SlotQueue,
    private readonly signals: Signals,
  ) {}

  /** Subscribes to changes of a reply; to be called before the reply is read, so that no change is missed. */
  changesOf({ messageId }: ReplyRef): ReplyChanges {
    const wakeup = new Wakeup();
    const end = this.signals.subscribe(replyTopic(messageId), wakeup.wake);
    const wait: ReplyChanges['wait'] = async (reply, { place = 0, atMostMs } = {}) => {
      const watched = this.watch(reply);
      const isNews = watched.place !== 0 && watched.place !== place;
      if (!isNews) await wakeup.wait(atMostMs);
      this.unwatch(watched);
      return watched.place || place;
    };
    return { wait, wake: wakeup.wake, end };
  }

  /** Tells all callers that wait for one of these replies that it has changed. */
  wake(messageIds: readonly string[]): void {
    for (const id of messageIds) this.signals.publish(replyTopic(id));
  }

  private watch(reply: MessageHeader): Watched {
    const watched = this.watched.get(reply.id) ?? { reply, waiting: 0, place: 0 };
    watched.reply = reply;
    watched.waiting += 1;
    this.watched.set(reply.id, watched);
    void this.poll.start();
    void this.placesPoll.start();
    return watched;
  }

  private unwatch(watched: Watched): void {
    watched.waiting -= 1;
    if (!watched.waiting) this.watched.delete(watched.reply.id);
  }

  private async check(): Promise<void> {
    const queued = this.withStatus('queued');
    const running = this.withStatus('streaming');
    if (queued.length) this.wake(await this.queue.notWaiting(queued));
    if (running.length) this.wake(await this.openReplies.notOpen(running));
  }

  private withStatus(status: MessageHeader['status']): ReplyRef[] {
    const replies = Array.from(this.watched.values(), ({ reply }) => reply);
    return replies.filter((reply) => reply.status === status).map(replyRef);
  }

  private async checkPlaces(): Promise<void> {
    const replies = Array.from(this.watched.values(), ({ reply }) => reply);
    for (const [id, place] of await this.slots.places(replies)) {
      const watched = this.watched.get(id);
      if (!watched || watched.place === place) continue;
      watched.place = place;
      this.wake([id]);
    }
  }
}
