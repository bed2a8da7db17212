import { Injectable } from '@nestjs/common';
import { NEVER, Observable } from 'rxjs';
import { ConversationsService } from '../../conversations/conversations.service';
import { DatabaseState } from '../../database/database-state';
import { InstanceService } from '../../instances/instance.service';
import { Poller } from '../../common/poller';

const POLL_INTERVAL_MS = 100;
/** Poll interval while no other process is known: one that has just started may have started a turn. */
const ALONE_POLL_INTERVAL_MS = 1_000;
/** Conversations per statement. */
const CHUNK = 1_000;
/** Pause between two polls, at least this many times the duration of the last one: with many feeds a poll takes long. */
const MIN_PAUSE_FACTOR = 9;

interface Watcher {
  /** Sequence of the last message that the watcher knows. */
  seen: () => number;
  wake: () => void;
}

/** One conversation, shared by all of its watchers. */
interface Watched {
  /** Sequence up to which its watchers have been notified. */
  notified: number;
  watchers: Set<Watcher>;
}

/**
 * Notifies feeds of turns that other processes have started and of conversations that they have deleted. One poll serves all watchers.
 * Called by `ConversationFeed`.
 */
@Injectable()
export class RemoteTurnWatcher {
  private readonly watched = new Map<string, Watched>();
  /** Duration of the last poll in ms. */
  private lastPollMs = 0;
  private readonly poll = new Poller({
    name: 'new turns',
    everyMs: () =>
      Math.max(
        this.instance.alone ? ALONE_POLL_INTERVAL_MS : POLL_INTERVAL_MS,
        MIN_PAUSE_FACTOR * this.lastPollMs,
      ),
    isNeeded: () => this.watched.size > 0,
    poll: () => this.check(),
  });

  constructor(
    private readonly conversations: ConversationsService,
    private readonly database: DatabaseState,
    private readonly instance: InstanceService,
  ) {}

  /** Emits when the conversation has messages after `seen`, or has been deleted. */
  changesIn(conversationId: string, seen: () => number): Observable<void> {
    if (this.database.exclusive) return NEVER;
    return new Observable((changes) => {
      const watcher = { seen, wake: () => changes.next() };
      const watched = this.watched.get(conversationId) ?? { notified: seen(), watchers: new Set() };
      this.watched.set(conversationId, watched);
      watched.watchers.add(watcher);
      void this.poll.start();
      return () => {
        watched.watchers.delete(watcher);
        if (!watched.watchers.size) this.watched.delete(conversationId);
      };
    });
  }

  private async check(): Promise<void> {
    const startedAt = performance.now();
    const positions = [...this.watched].map(([id, { notified: sequence }]) => ({ id, sequence }));
    try {
      for (let offset = 0; offset < positions.length; offset += CHUNK)
        for (const found of await this.conversations.withFurtherMessages(
          positions.slice(offset, offset + CHUNK),
        ))
          this.notify(found.id, found.last_sequence ?? Infinity);
    } finally {
      this.lastPollMs = performance.now() - startedAt;
    }
  }

  /** Wakes the watchers that do not know the message yet; those of a turn that this process has started know it already. */
  private notify(conversationId: string, sequence: number): void {
    const watched = this.watched.get(conversationId);
    if (!watched) return;
    if (Number.isFinite(sequence)) watched.notified = sequence;
    for (const { seen, wake } of watched.watchers) if (seen() < sequence) wake();
  }
}
