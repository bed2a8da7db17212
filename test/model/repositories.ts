import type { DataSource, EntityManager } from 'typeorm';
import type { JournalRepository } from '../../src/replies/log/journal/journal.repository';
import type { Conversation } from '../../src/conversations/conversations.service';
import { TransactionRunner } from '../../src/database/transaction-runner';
import type { InstancesRepository } from '../../src/instances/instances.repository';
import type { MessageEntity } from '../../src/messages/message.entity';
import type {
  ConversationRef,
  OpenReply,
  ReplyRef,
  WaitingConversation,
  WrittenReply,
} from '../../src/messages/message.types';
import type { MessagesRepository, ReplyEnd } from '../../src/messages/messages.repository';
import type { Checkpoint, OpenRepliesRepository } from '../../src/messages/open-replies.repository';
import type { QueueRepository } from '../../src/messages/queue.repository';
import type { TurnMessage, TurnPosition } from '../../src/messages/turn-messages';
import type { ConversationChanges, ReplyTerms, TurnsRepository } from '../../src/messages/turns.repository';
import type { Life } from './clock';
import type { MessageStatements } from './message-statements';
import type { Network } from './network';
import type { OpenRow } from './tables';

/** Small, so that there are several. */
const JOURNAL_PAGE = 3;

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

  isRegistered(id: string): Promise<boolean> {
    return this.db.run((transaction) => transaction.isRegistered(id));
  }

  expired(except: string | undefined): Promise<string[]> {
    return this.db.run((transaction) => transaction.expired(except));
  }

  expire(id: string): Promise<boolean> {
    return this.db.run((transaction) => transaction.expire(id));
  }

  expireAll(): Promise<void> {
    throw new Error('Only where one process has the database to itself');
  }

  remove(id: string): Promise<void> {
    return this.db.run((transaction) => transaction.remove(id));
  }
}

export class ModelJournal implements Seam<JournalRepository> {
  constructor(private readonly db: Connection) {}

  append(instanceId: string, batch: number, payload: string): Promise<boolean> {
    return this.db.run((transaction) => transaction.append(instanceId, batch, payload));
  }

  read(instanceId: string, after: number) {
    return this.db.run((transaction) => transaction.batches(instanceId, after).slice(0, JOURNAL_PAGE));
  }

  dropBefore(instanceId: string, batch: number): Promise<void> {
    return this.db.run((transaction) => transaction.dropBefore(instanceId, batch));
  }

  unneeded(): Promise<string[]> {
    return this.db.run((transaction) => transaction.unneeded());
  }

  drop(instanceId: string): Promise<void> {
    return this.dropBefore(instanceId, Infinity);
  }
}

export class ModelOpenReplies implements Seam<OpenRepliesRepository> {
  constructor(private readonly db: Connection) {}

  find({ messageId }: ReplyRef): Promise<OpenReply | undefined> {
    return this.db.run((transaction) => {
      const row = transaction.openReply(messageId);
      return row && openReplyOf(row);
    });
  }

  ofInstance(instanceId: string, afterId = ''): Promise<OpenReply[]> {
    return this.openReplies((row) => row.instance_id === instanceId && row.message_id > afterId);
  }

  startedBefore(instanceId: string, time: Date): Promise<OpenReply[]> {
    return this.openReplies(
      ({ message_id, instance_id }, transaction) =>
        instance_id === instanceId && (transaction.message(message_id)?.updated_at ?? time) < time,
    );
  }

  private openReplies(
    matches: (row: OpenRow, transaction: MessageStatements) => boolean,
  ): Promise<OpenReply[]> {
    return this.db.run((transaction) =>
      transaction.openReplies.filter((row) => matches(row, transaction)).map(openReplyOf),
    );
  }

  orphanedInstances(): Promise<string[]> {
    return this.db.run((transaction) => {
      const ids = new Set(transaction.openReplies.map((row) => row.instance_id));
      return [...ids].filter((id) => !transaction.isRegistered(id));
    });
  }

  checkpointOf({ messageId }: ReplyRef): Promise<Checkpoint | undefined> {
    return this.db.run((transaction) => {
      const row = transaction.openReply(messageId);
      return row && { ...row, parts: row.parts ?? [], event_lengths: row.event_lengths ?? Buffer.alloc(0) };
    });
  }

  checkpoint(writer: WrittenReply, checkpoint: Partial<Checkpoint>): Promise<boolean> {
    return this.db.run((transaction) => transaction.checkpoint(writer, checkpoint, true));
  }

  async keepRecovered(writer: WrittenReply, checkpoint: Checkpoint): Promise<void> {
    await this.db.run((transaction) => transaction.checkpoint(writer, checkpoint, false));
  }

  requestStop({ messageId }: ReplyRef): Promise<string | undefined> {
    return this.db.run((transaction) => transaction.requestStop(messageId));
  }

  stopRequests(replies: readonly ReplyRef[]) {
    return this.db.run((transaction) => transaction.stopRequests(idsOf(replies)));
  }

  notOpen(replies: readonly ReplyRef[]): Promise<string[]> {
    return this.db.run((transaction) => idsOf(replies).filter((id) => !transaction.openReply(id)));
  }
}

function openReplyOf({ message_id, user_id, conversation_id, instance_id, first_batch }: OpenRow): OpenReply {
  return {
    messageId: message_id,
    userId: user_id,
    conversationId: conversation_id,
    instanceId: instance_id,
    firstBatch: first_batch,
  };
}

function idsOf(replies: readonly ReplyRef[]): string[] {
  return replies.map(({ messageId }) => messageId);
}

type NotOfReplies = 'depthOf' | 'repliesAfter' | 'replies' | 'runningReplies' | 'listAll' | 'texts';

export class ModelMessages implements Omit<Seam<MessagesRepository>, NotOfReplies> {
  constructor(private readonly db: Connection) {}

  find(_userId: string, id: string): Promise<MessageEntity | null> {
    return this.db.run((transaction) => transaction.message(id) ?? null);
  }

  header(_userId: string, id: string) {
    return this.db.run((transaction) => transaction.message(id));
  }

  closeReply(writer: WrittenReply, end: ReplyEnd) {
    return this.db.run((transaction) => transaction.closeReply(writer, end));
  }

  runningReply({ conversationId }: ConversationRef): Promise<MessageEntity | undefined> {
    return this.db.run((transaction) => transaction.running(conversationId));
  }

  lastReply({ conversationId }: ConversationRef): Promise<MessageEntity | undefined> {
    return this.db.run((transaction) => transaction.lastReply(conversationId));
  }
}

export class ModelTurns implements Omit<Seam<TurnsRepository>, 'storeFirst' | 'parent' | 'reply' | 'roots'> {
  constructor(private readonly db: Connection) {}

  position(_userId: string, conversationId: string): Promise<TurnPosition | undefined> {
    return this.db.run((transaction) => transaction.place(conversationId));
  }

  store({ conversation }: TurnPosition, messages: TurnMessage[], changes: ConversationChanges & ReplyTerms) {
    return this.db.run((transaction) => transaction.storeTurn(conversation, messages, changes));
  }
}

export class ModelQueue implements Omit<Seam<QueueRepository>, 'countQueued'> {
  constructor(private readonly db: Connection) {}

  join({ conversationId }: ConversationRef) {
    return this.db.run((transaction) => transaction.join(conversationId));
  }

  /** No model has a limit here. */
  first() {
    return this.db.run(() => undefined);
  }

  beginNext({ conversationId }: ConversationRef, instanceId: string) {
    return this.db.run((transaction) => transaction.beginNext(conversationId, instanceId));
  }

  cancel(_userId: string, id: string): Promise<boolean> {
    return this.db.run((transaction) => transaction.cancel(id));
  }

  cancelAll({ conversationId }: ConversationRef): Promise<string[]> {
    return this.db.run((transaction) => transaction.cancelAll(conversationId));
  }

  /** Nobody is locked out here. */
  waitingOfLockedOut(): Promise<WaitingConversation[]> {
    return this.db.run(() => []);
  }

  waiting() {
    return this.db.run((transaction) => transaction.waiting());
  }

  notWaiting(replies: readonly ReplyRef[]): Promise<string[]> {
    return this.db.run((transaction) => transaction.not('queued', idsOf(replies)));
  }
}

/** A conversation cannot be locked without being there. */
export async function lockedConversation(db: Connection, id: string): Promise<Conversation> {
  const conversation = await db.run((transaction) => transaction.lockConversation(id));
  if (!conversation) throw new Error('No such conversation');
  return conversation;
}
