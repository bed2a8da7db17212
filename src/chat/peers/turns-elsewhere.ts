import { Injectable } from '@nestjs/common';
import { NEVER, Observable } from 'rxjs';
import { ConversationsService } from '../../conversations/conversations.service';
import { DatabaseState } from '../../database/database-state';
import { Poll } from './poll';

const LOOK_MS = 100;

interface Watcher {
  conversationId: string;
  /** The sequence of the last message that it knows. */
  seen: () => number;
  wake: () => void;
}

/** Tells of turns that other processes have begun, and of conversations that they have deleted. */
@Injectable()
export class TurnsElsewhere {
  private readonly watchers = new Set<Watcher>();
  private readonly poll = new Poll({
    name: 'new turns',
    everyMs: () => LOOK_MS,
    wanted: () => this.watchers.size > 0,
    look: () => this.look(),
  });

  constructor(
    private readonly conversations: ConversationsService,
    private readonly database: DatabaseState,
  ) {}

  /** Emits while the conversation has messages after `seen`, or is gone. */
  in(conversationId: string, seen: () => number): Observable<void> {
    if (this.database.exclusive) return NEVER;
    return new Observable((changes) => {
      const watcher: Watcher = { conversationId, seen, wake: () => changes.next() };
      this.watchers.add(watcher);
      void this.poll.begin();
      return () => this.watchers.delete(watcher);
    });
  }

  private async look(): Promise<void> {
    const watchers = [...this.watchers];
    const places = watchers.map(({ conversationId, seen }) => ({ id: conversationId, sequence: seen() }));
    const further = new Set(await this.conversations.withFurtherMessages(places));
    watchers.filter(({ conversationId }) => further.has(conversationId)).forEach(({ wake }) => wake());
  }
}
