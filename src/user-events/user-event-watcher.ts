import { Injectable, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common';
import { Poller } from '../common/poller';
import { RepeatedTask } from '../common/repeated-task';
import { STORAGE_BOUNDS } from '../config/bounds';
import { DatabaseState } from '../database/database-state';
import { InstanceService } from '../instances/instance.service';
import { Signals } from '../signals/signals';
import { userTopic } from '../signals/topics';
import { UserEventsRepository } from './user-events.repository';

const POLL_INTERVAL_MS = 100;
/** Poll interval while no other process is known: one that has just started may have made changes. */
const ALONE_POLL_INTERVAL_MS = 1_000;
/** Maximum number of users per statement. */
const CHUNK = 1_000;
/** Pause between two polls, at least this many times the duration of the last one: with many feeds a poll takes long. */
const MIN_PAUSE_FACTOR = 19;
/** Interval at which the following of watched users is extended, in ms. */
const FOLLOW_MS = 600_000;

const resumable = STORAGE_BOUNDS.userEventRetention.limit;
/** Time for which a user is followed, and least time left before it is extended, in ms: both are longer than a feed can be away and resume. */
export const FOLLOWED = { ms: 2 * resumable, least: 1.5 * resumable };

interface Watcher {
  /** Number of the last event that the watcher knows. */
  seen: () => number;
}

/** One user, shared by all of their feeds. */
interface Watched {
  /** Number up to which the topic has been published. */
  published: number;
  watchers: Set<Watcher>;
}

/**
 * Wakes feeds of users. Events of this process are published by their writer (`UserEvents.announce`); events of other processes are polled while
 * a feed watches, in one poll for all users, and published in the same way. With the embedded database there are no other processes. While a
 * feed watches a user, the user's events are kept.
 */
@Injectable()
export class UserEventWatcher implements OnApplicationBootstrap, OnModuleDestroy {
  private readonly watched = new Map<string, Watched>();
  private readonly poll = new Poller({
    name: 'events of users',
    everyMs: () => (this.instance.alone ? ALONE_POLL_INTERVAL_MS : POLL_INTERVAL_MS),
    minPauseFactor: MIN_PAUSE_FACTOR,
    isNeeded: () => this.watched.size > 0,
    poll: () => this.check(),
  });
  private readonly following = new RepeatedTask({
    failure: 'Users whose feeds are open could not be followed on; later',
    firstMs: FOLLOW_MS,
    everyMs: FOLLOW_MS,
    run: () => this.goOnFollowing(),
  });

  constructor(
    private readonly events: UserEventsRepository,
    private readonly database: DatabaseState,
    private readonly instance: InstanceService,
    private readonly signals: Signals,
  ) {}

  onApplicationBootstrap(): void {
    this.following.begin();
  }

  onModuleDestroy(): void {
    this.following.end();
  }

  /** Calls back when the user may have events after `seen`. Returns a function that ends the watching. */
  watch(userId: string, seen: () => number, onNews: () => void): () => void {
    const unsubscribe = this.signals.subscribe(userTopic(userId), onNews);
    const watcher = { seen };
    const watched = this.watched.get(userId) ?? { published: seen(), watchers: new Set() };
    this.watched.set(userId, watched);
    watched.watchers.add(watcher);
    if (!this.database.exclusive) void this.poll.start();
    return () => {
      unsubscribe();
      watched.watchers.delete(watcher);
      if (!watched.watchers.size && this.watched.get(userId) === watched) this.watched.delete(userId);
    };
  }

  async goOnFollowing(): Promise<void> {
    for (const users of slices([...this.watched.keys()])) await this.events.goOnFollowing(users, FOLLOWED);
  }

  private async check(): Promise<void> {
    const known = Array.from(this.watched, ([userId, { published: seq }]) => ({ userId, seq }));
    for (const users of slices(known))
      for (const { userId, seq } of await this.events.further(users)) this.publish(userId, seq);
  }

  /** Publishes the user's topic unless all watchers know the event, as they do for a change by this process. */
  private publish(userId: string, seq: number): void {
    const watched = this.watched.get(userId);
    if (!watched) return;
    watched.published = seq;
    if ([...watched.watchers].some(({ seen }) => seen() < seq)) this.signals.publish(userTopic(userId));
  }
}

function slices<T>(all: readonly T[]): T[][] {
  return Array.from({ length: Math.ceil(all.length / CHUNK) }, (_, index) =>
    all.slice(index * CHUNK, (index + 1) * CHUNK),
  );
}
