import { Injectable } from '@nestjs/common';
import { NEVER, Observable } from 'rxjs';
import { ConversationsService } from '../../conversations/conversations.service';
import { DatabaseState } from '../../database/database-state';
import { InstanceService } from '../../instances/instance.service';
import { Poller } from '../../common/poller';

const LOOK_MS = 100;
/** Where no other process is known; one that has just come may have begun a turn. */
const ALONE_MS = 1_000;
/** Conversations that one statement asks for. */
const CHUNK = 1_000;
/** With many feeds a look takes long: from one to the next passes at least so many times its own time. */
const REST = 9;

interface Watcher {
  /** The sequence of the last message that it knows. */
  seen: () => number;
  wake: () => void;
}

/** A conversation, for all of its watchers together. */
interface Watched {
  /** Its watchers have been told of messages up to this sequence. */
  told: number;
  watchers: Set<Watcher>;
}

/** Tells of turns that other processes have begun, and of conversations that they have deleted: one look for all who watch. */
@Injectable()
export class RemoteTurnWatcher {
  private readonly watched = new Map<string, Watched>();
  /** How long the last look took, in ms. */
  private took = 0;
  private readonly poll = new Poller({
    name: 'new turns',
    everyMs: () => Math.max(this.instance.alone ? ALONE_MS : LOOK_MS, REST * this.took),
    isNeeded: () => this.watched.size > 0,
    poll: () => this.check(),
  });

  constructor(
    private readonly conversations: ConversationsService,
    private readonly database: DatabaseState,
    private readonly instance: InstanceService,
  ) {}

  /** Emits when the conversation has got messages after `seen`, or is gone. */
  changesIn(conversationId: string, seen: () => number): Observable<void> {
    if (this.database.exclusive) return NEVER;
    return new Observable((changes) => {
      const watcher = { seen, wake: () => changes.next() };
      const watched = this.watched.get(conversationId) ?? { told: seen(), watchers: new Set() };
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
    const began = performance.now();
    const places = [...this.watched].map(([id, { told: sequence }]) => ({ id, sequence }));
    try {
      for (let at = 0; at < places.length; at += CHUNK)
        for (const found of await this.conversations.withFurtherMessages(places.slice(at, at + CHUNK)))
          this.tell(found.id, found.last_sequence ?? Infinity);
    } finally {
      this.took = performance.now() - began;
    }
  }

  /** Those who know of it already, because this process has begun it, need not look. */
  private tell(conversationId: string, sequence: number): void {
    const watched = this.watched.get(conversationId);
    if (!watched) return;
    if (Number.isFinite(sequence)) watched.told = sequence;
    for (const { seen, wake } of watched.watchers) if (seen() < sequence) wake();
  }
}
