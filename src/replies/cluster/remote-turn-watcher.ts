import { Injectable, type OnModuleInit } from '@nestjs/common';
import { Observable } from 'rxjs';
import { ConversationsService, type Conversation } from '../../conversations/conversations.service';
import { DatabaseState } from '../../database/database-state';
import { InstanceService } from '../../instances/instance.service';
import { Poller } from '../../common/poller';
import { Signals } from '../../signals/signals';
import { conversationTopic, titleTopic } from '../../signals/topics';

const POLL_INTERVAL_MS = 100;
/** Poll interval while no other process is known: one that has just started may have started a turn. */
const ALONE_POLL_INTERVAL_MS = 1_000;
/** Maximum number of conversations per statement. */
const CHUNK = 1_000;
/** Pause between two polls, at least this many times the duration of the last one: with many feeds a poll takes long. */
const MIN_PAUSE_FACTOR = 9;

interface Watcher {
  /** Sequence of the last message that the watcher knows. */
  seen: () => number;
}

/** One conversation, shared by all of its watchers. */
interface Watched {
  userId: string;
  /** Sequence up to which the topic of the conversation has been published. */
  published: number;
  /** Version of the conversation up to which the topic of its title has been published. */
  version: number;
  watchers: Set<Watcher>;
}

/**
 * Tells feeds of changes of their conversations. Changes by this process publish the conversation's topic (`Signals`); turns, titles and
 * deletions by other processes are polled while a feed watches, in one poll for all, and published in the same way. Called by
 * `ConversationFeed`.
 */
@Injectable()
export class RemoteTurnWatcher implements OnModuleInit {
  private readonly watched = new Map<string, Watched>();
  private readonly poll = new Poller({
    name: 'new turns',
    everyMs: () => (this.instance.alone ? ALONE_POLL_INTERVAL_MS : POLL_INTERVAL_MS),
    minPauseFactor: MIN_PAUSE_FACTOR,
    isNeeded: () => this.watched.size > 0,
    poll: () => this.check(),
  });

  constructor(
    private readonly conversations: ConversationsService,
    private readonly database: DatabaseState,
    private readonly instance: InstanceService,
    private readonly signals: Signals,
  ) {}

  onModuleInit(): void {
    this.conversations.retitles.subscribe((id) => this.signals.publish(titleTopic(id)));
  }

  /** Emits when the conversation may have messages after `seen`, or may have been deleted: by this process or by another one. */
  changesIn(conversation: Conversation, seen: () => number): Observable<void> {
    return new Observable((changes) => {
      const unsubscribe = this.signals.subscribe(conversationTopic(conversation.id), () => changes.next());
      const unwatch = this.watch(conversation, seen);
      return () => {
        unwatch();
        unsubscribe();
      };
    });
  }

  /** Calls the listener when the conversation may have another title, while its changes are watched. Returns a function that ends that. */
  onTitle(conversationId: string, listener: () => void): () => void {
    return this.signals.subscribe(titleTopic(conversationId), listener);
  }

  private watch(
    { id: conversationId, user_id: userId, version }: Conversation,
    seen: () => number,
  ): () => void {
    if (this.database.exclusive) return () => undefined;
    const watcher = { seen };
    const watched = this.watched.get(conversationId) ?? {
      userId,
      published: seen(),
      version,
      watchers: new Set(),
    };
    this.watched.set(conversationId, watched);
    watched.watchers.add(watcher);
    void this.poll.start();
    return () => {
      watched.watchers.delete(watcher);
      if (!watched.watchers.size && this.watched.get(conversationId) === watched)
        this.watched.delete(conversationId);
    };
  }

  private async check(): Promise<void> {
    const positions = [...this.watched].map(([id, { userId, published: sequence, version }]) => ({
      id,
      userId,
      sequence,
      version,
    }));
    for (let offset = 0; offset < positions.length; offset += CHUNK)
      for (const found of await this.conversations.changedSince(positions.slice(offset, offset + CHUNK))) {
        this.publish(found.id, found.last_sequence ?? Infinity);
        this.publishTitle(found.id, found.version);
      }
  }

  /** Publishes the conversation's topic unless all watchers know the message, as they do for a turn that this process has started. */
  private publish(conversationId: string, sequence: number): void {
    const watched = this.watched.get(conversationId);
    if (!watched) return;
    if (Number.isFinite(sequence)) watched.published = sequence;
    if ([...watched.watchers].some(({ seen }) => seen() < sequence))
      this.signals.publish(conversationTopic(conversationId));
  }

  private publishTitle(conversationId: string, version: number | null): void {
    const watched = this.watched.get(conversationId);
    if (!watched || version === null || version <= watched.version) return;
    watched.version = version;
    this.signals.publish(titleTopic(conversationId));
  }
}
