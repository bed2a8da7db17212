import { Injectable } from '@nestjs/common';
import { Observable } from 'rxjs';
import { Poller } from '../../common/poller';
import { ConversationsService } from '../../conversations/conversations.service';
import { DatabaseState } from '../../database/database-state';
import { InstanceService } from '../../instances/instance.service';
import { Signals } from '../../signals/signals';
import { keyTopic } from '../../signals/topics';

const POLL_INTERVAL_MS = 100;
/** Poll interval while no other process is known. */
const ALONE_POLL_INTERVAL_MS = 1_000;
/** Maximum number of keys per statement. */
const CHUNK = 1_000;
/** Pause between two polls, at least this many times the duration of the last one. */
const MIN_PAUSE_FACTOR = 9;

/** A key that no conversation has yet, shared by all feeds that wait for it. */
interface WaitedFor {
  userId: string;
  key: string;
  waiting: number;
}

/**
 * Tells feeds that wait for a conversation with a client's key that it exists. A conversation of this process publishes the topic of its key
 * (`Signals`) when it is created; conversations of other processes are polled while a feed waits, in one poll for all, and published in the
 * same way. Called by `NamedFeed`.
 */
@Injectable()
export class RemoteKeyWatcher {
  private readonly waitedFor = new Map<string, WaitedFor>();
  private readonly poll = new Poller({
    name: 'keys of conversations',
    everyMs: () => (this.instance.alone ? ALONE_POLL_INTERVAL_MS : POLL_INTERVAL_MS),
    minPauseFactor: MIN_PAUSE_FACTOR,
    isNeeded: () => this.waitedFor.size > 0,
    poll: () => this.check(),
  });

  constructor(
    private readonly conversations: ConversationsService,
    private readonly database: DatabaseState,
    private readonly instance: InstanceService,
    private readonly signals: Signals,
  ) {}

  /** Emits when a conversation may have got the key: by this process or by another one. */
  useOf(userId: string, key: string): Observable<void> {
    return new Observable((uses) => {
      const topic = keyTopic(userId, key);
      const unsubscribe = this.signals.subscribe(topic, () => uses.next());
      const unwatch = this.database.exclusive ? undefined : this.watch(topic, { userId, key });
      return () => {
        unwatch?.();
        unsubscribe();
      };
    });
  }

  private watch(topic: string, key: Pick<WaitedFor, 'userId' | 'key'>): () => void {
    const waited = this.waitedFor.get(topic) ?? { ...key, waiting: 0 };
    waited.waiting += 1;
    this.waitedFor.set(topic, waited);
    void this.poll.start();
    return () => {
      waited.waiting -= 1;
      if (!waited.waiting) this.waitedFor.delete(topic);
    };
  }

  private async check(): Promise<void> {
    const keys = [...this.waitedFor.values()];
    for (let offset = 0; offset < keys.length; offset += CHUNK)
      for (const { userId, key } of await this.conversations.takenKeys(keys.slice(offset, offset + CHUNK)))
        this.signals.publish(keyTopic(userId, key));
  }
}
