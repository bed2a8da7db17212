import type { DataSource, EntityManager } from 'typeorm';
import type { JournalRepository } from '../../src/chat/journal/journal.repository';
import type { Conversation } from '../../src/conversations/conversations.service';
import { TransactionRunner } from '../../src/database/transaction-runner';
import type { InstancesRepository } from '../../src/instances/instances.repository';
import type { MessageEntity } from '../../src/messages/message.entity';
import type { ContextMessage } from '../../src/messages/message.types';
import type { MessagesRepository, ReplyEnd } from '../../src/messages/messages.repository';
import type { QueueRepository } from '../../src/messages/queue.repository';
import type { TurnMessage, TurnPlace } from '../../src/messages/turn-messages';
import type { ConversationChanges, TurnsRepository } from '../../src/messages/turns.repository';
import type { Life } from './clock';
import type { MessageStatements } from './message-statements';
import type { Network } from './network';

type Run = <T>(statement: (transaction: MessageStatements) => T) => Promise<T>;

/** What stands in for the DataSource: the real `TransactionRunner` decides which transaction a statement belongs to. */
export class Connection {
  readonly runner: TransactionRunner;

  constructor(life: Life, network: Network) {
    const manager = {
      run: ((statement) => network.send(life, statement)) as Run,
      transaction: (work: (manager: unknown) => Promise<unknown>) =>
        network.transaction(life, (transaction) =>
          work({ run: ((statement) => network.send(life, statement, transaction)) as Run }),
        ),
    };
    this.runner = new TransactionRunner({ isInitialized: true, manager } as unknown as DataSource);
  }

  /** A statement, in the caller's transaction if there is one. */
  readonly run: Run = (statement) => (this.runner.manager as EntityManager & { run: Run }).run(statement);
}

/** The members of a class that others can see. */
type Seam<T> = Pick<T, keyof T>;

export class ModelInstances implements Seam<InstancesRepository> {
  constructor(private readonly db: Connection) {}

  register(id: string, leaseMs: number): Promise<void> {
    return this.db.run((transaction) => transaction.register(id, leaseMs));
  }

  renew(id: string, leaseMs: number): Promise<boolean> {
    return this.db.run((transaction) => transaction.renew(id, leaseMs));
  }

  isAlone(id: string): Promise<boolean> {
    return this.db.run((transaction) => transaction.isAlone(id));
  }

  lockExpired(except?: string): Promise<string[]> {
    return this.db.run((transaction) => transaction.lockExpired(except));
  }

  expireAll(): Promise<void> {
    throw new Error('Only where one process has the database to itself');
  }

  remove(ids: string[]): Promise<void> {
    return this.db.run((transaction) => transaction.remove(ids));
  }
}

export class ModelJournal implements Seam<JournalRepository> {
  constructor(private readonly db: Connection) {}

  append(instanceId: string, batch: number, payload: string): Promise<void> {
    return this.db.run((transaction) => transaction.append(instanceId, batch, payload));
  }

  read(instanceId: string, after = 0) {
    return this.db.run((transaction) => transaction.batches(instanceId, after));
  }

  dropBefore(instanceId: string, batch: number): Promise<void> {
    return this.db.run((transaction) => transaction.dropBefore(instanceId, batch));
  }
}

type NotOfReplies = 'findIn' | 'repliesAfter' | 'listAll';

export class ModelMessages implements Omit<Seam<MessagesRepository>, NotOfReplies> {
  constructor(private readonly db: Connection) {}

  find(_userId: string, id: string): Promise<MessageEntity | null> {
    return this.db.run((transaction) => transaction.message(id) ?? null);
  }

  closeReply(id: string, end: ReplyEnd) {
    return this.db.run((transaction) => transaction.closeReply(id, end));
  }

  requestStop(id: string): Promise<void> {
    return this.db.run((transaction) => transaction.requestStop(id));
  }

  endedElsewhere(ids: string[]) {
    return this.db.run((transaction) => transaction.endedElsewhere(ids));
  }

  notStreaming(ids: string[]): Promise<string[]> {
    return this.db.run((transaction) => transaction.not('streaming', ids));
  }

  openRepliesOf(instanceIds: string[]): Promise<MessageEntity[]> {
    return this.db.run((transaction) => transaction.openRepliesOf(instanceIds));
  }

  runningReply(conversationId: string): Promise<MessageEntity | null> {
    return this.db.run((transaction) => transaction.running(conversationId) ?? null);
  }

  lastReply(conversationId: string): Promise<MessageEntity | null> {
    return this.db.run((transaction) => transaction.lastReply(conversationId) ?? null);
  }
}

export class ModelTurns implements Omit<Seam<TurnsRepository>, 'storeFirst' | 'holds'> {
  constructor(private readonly db: Connection) {}

  place(_userId: string, conversationId: string): Promise<TurnPlace | undefined> {
    return this.db.run((transaction) => transaction.place(conversationId));
  }

  store({ conversation }: TurnPlace, messages: TurnMessage[], changes: ConversationChanges) {
    return this.db.run((transaction): ContextMessage[] | undefined =>
      transaction.storeTurn(conversation, messages, changes) ? [] : undefined,
    );
  }
}

export class ModelQueue implements Seam<QueueRepository> {
  constructor(private readonly db: Connection) {}

  join(conversationId: string) {
    return this.db.run((transaction) => transaction.join(conversationId));
  }

  beginNext(conversationId: string, instanceId: string) {
    return this.db.run((transaction) => transaction.beginNext(conversationId, instanceId));
  }

  cancel(id: string): Promise<boolean> {
    return this.db.run((transaction) => transaction.cancel(id));
  }

  cancelAll(conversationId: string): Promise<string[]> {
    return this.db.run((transaction) => transaction.cancelAll(conversationId));
  }

  /** Nobody is locked out here. */
  cancelLockedOut(): Promise<string[]> {
    return this.db.run(() => []);
  }

  waiting() {
    return this.db.run((transaction) => transaction.waiting());
  }

  notWaiting(ids: string[]): Promise<string[]> {
    return this.db.run((transaction) => transaction.not('queued', ids));
  }
}

/** A conversation cannot be locked without being there. */
export async function lockedConversation(db: Connection, id: string): Promise<Conversation> {
  const conversation = await db.run((transaction) => transaction.lockConversation(id));
  if (!conversation) throw new Error('No such conversation');
  return conversation;
}
