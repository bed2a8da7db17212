import type { UserEvents } from '../../src/user-events/user-events';
import type { AppConfig } from '../../src/config/app-config';
import { newConversation } from '../../src/conversations/new-conversation';
import type { ConversationsService } from '../../src/conversations/conversations.service';
import { ConversationEntity } from '../../src/conversations/conversation.entity';
import type { DatabaseState } from '../../src/database/database-state';
import type { TransactionRunner } from '../../src/database/transaction-runner';
import { InstanceEntity } from '../../src/instances/instance.entity';
import { InstanceService } from '../../src/instances/instance.service';
import { InstancesRepository } from '../../src/instances/instances.repository';
import { MessageEntity } from '../../src/messages/message.entity';
import { replyRef, type WrittenReply } from '../../src/messages/message.types';
import { MessagesRepository } from '../../src/messages/messages.repository';
import { MessagesService } from '../../src/messages/messages.service';
import { OpenRepliesRepository } from '../../src/messages/open-replies.repository';
import { OpenRepliesService } from '../../src/messages/open-replies.service';
import { OpenReplyEntity } from '../../src/messages/open-reply.entity';
import type { PathsRepository } from '../../src/messages/paths.repository';
import type { ReplyContent } from '../../src/messages/content/reply-content';
import type { SlotQueue } from '../../src/messages/slot-queue';
import { userMessage, turnMessages } from '../../src/messages/turn-messages';
import { TurnsRepository } from '../../src/messages/turns.repository';
import { startEvent, terminalEvent } from '../../src/replies/events/event-codec';
import type { ReplyEvent, StartEvent } from '../../src/replies/events/reply-event.dto';
import { CheckpointWriter } from '../../src/replies/log/journal/checkpoint-writer';
import { JournalEntity } from '../../src/replies/log/journal/journal.entity';
import { JournalFollowers } from '../../src/replies/log/journal/journal-followers';
import { JournalReplyLog } from '../../src/replies/log/journal/journal-reply-log';
import { JournalRepository } from '../../src/replies/log/journal/journal.repository';
import { JournalWriter } from '../../src/replies/log/journal/journal-writer';
import { Recovery } from '../../src/replies/log/journal/recovery';
import { ReplyFinalizer } from '../../src/replies/produce/reply-finalizer';
import { InProcessSignals } from '../../src/signals/in-process-signals';
import { UserEntity } from '../../src/users/user.entity';
import { createTestDatabase, type TestDatabase } from './test-database';

const USER = 'alice';
const ENTITIES = [
  UserEntity,
  ConversationEntity,
  MessageEntity,
  OpenReplyEntity,
  InstanceEntity,
  JournalEntity,
];
/** Nobody reads them here. */
const NO_FEEDS = { announce: () => undefined } as unknown as UserEvents;

/** Several processes share the database, be it embedded or not: here they are in one Node process. */
const SHARED = {
  ready: true,
  exclusive: false,
  whenReady: () => Promise.resolve(),
} as unknown as DatabaseState;
const CONFIG = {
  chat: { durability: 'standard' },
  llm: { titles: { enabled: false, model: null } },
} as AppConfig;

/** A reply that is stored as open, and its first event. */
export interface StoredReply {
  reply: WrittenReply;
  start: StartEvent;
}

/** The journal of a process, whose next batches may be kept waiting. */
class GatedJournal extends JournalRepository {
  gate: Promise<void> = Promise.resolve();

  override async append(...batch: Parameters<JournalRepository['append']>): Promise<boolean> {
    await this.gate;
    return super.append(...batch);
  }
}

export type LogProcess = Awaited<ReturnType<LogProcesses['start']>>;

/** Processes with their own `JournalReplyLog` on one real database; only what is beside the log is left out. */
export class LogProcesses {
  private readonly processes: { end: () => Promise<void> }[] = [];

  private constructor(
    private readonly database: TestDatabase,
    readonly db: TransactionRunner,
  ) {}

  static async create(): Promise<LogProcesses> {
    const database = await createTestDatabase();
    const { db } = await database.connect(ENTITIES);
    await db.query(`INSERT INTO users (id, created_at) VALUES ($1, now())`, [USER]);
    return new LogProcesses(database, db);
  }

  async start(journal: JournalRepository = new GatedJournal(this.db)) {
    const { db } = this;
    const signals = new InProcessSignals();
    const instance = new InstanceService(new InstancesRepository(db), SHARED);
    await instance.onApplicationBootstrap();
    const openReplies = new OpenRepliesService(new OpenRepliesRepository(db), signals);
    const messages = new MessagesService(
      new MessagesRepository(db, NO_FEEDS, CONFIG),
      {} as PathsRepository,
      {} as ConversationsService,
      {} as SlotQueue,
    );
    const writer = new JournalWriter(journal, instance, SHARED, CONFIG);
    const checkpoints = new CheckpointWriter(openReplies, writer);
    const followers = new JournalFollowers(journal, messages, openReplies, instance, signals);
    const recovery = new Recovery(instance, journal, openReplies);
    const log = new JournalReplyLog(writer, checkpoints, instance, followers, recovery);
    const finalizer = new ReplyFinalizer(messages, log, signals);
    const instanceId = instance.id;
    const process = {
      log,
      instance,
      instanceId,
      checkpoints,
      finalizer,
      /** Stores a turn whose reply this process is to write. */
      store: () => this.storeTurn(instanceId),
      /** Stores the finished reply in its message, whichever process has written it; its terminal event. */
      finish: async (reply: WrittenReply, content: ReplyContent): Promise<ReplyEvent> => {
        const outcome = { status: 'completed', finish_reason: 'stop', error: null } as const;
        const closed = await messages.finishReply(reply, content, {
          ...outcome,
          usage: null,
          attempts: [],
          tokens: 0,
        });
        if (!closed) throw new Error('The reply is not open any more.');
        return terminalEvent(closed);
      },
      /** Stores nothing of the log until the returned function is called. */
      holdBack: (): (() => void) => {
        const gate = Promise.withResolvers<void>();
        if (journal instanceof GatedJournal) journal.gate = gate.promise;
        return gate.resolve;
      },
      end: async () => {
        log.close();
        writer.onModuleDestroy();
        checkpoints.onModuleDestroy();
        await instance.leave();
      },
    };
    this.processes.push(process);
    return process;
  }

  /** The lease of the process has run out, as far as the database knows; the process itself may go on. */
  async expire({ instanceId }: LogProcess): Promise<void> {
    await this.db.query(`UPDATE instances SET expires_at = '-infinity' WHERE id = $1`, [instanceId]);
  }

  async removeConversation({ reply }: StoredReply): Promise<void> {
    const of = [reply.conversationId, reply.userId];
    for (const [table, key] of [
      ['messages', 'conversation_id'],
      ['conversations', 'id'],
    ])
      await this.db.query(`DELETE FROM ${table} WHERE ${key} = $1 AND user_id = $2`, of);
  }

  /** Ends all processes. */
  async endAll(): Promise<void> {
    for (const process of this.processes.splice(0)) await process.end();
  }

  async close(): Promise<void> {
    await this.endAll();
    await this.database.close();
  }

  private async storeTurn(instanceId: string): Promise<StoredReply> {
    const conversation = newConversation(USER, {});
    const reply = { role: 'assistant', status: 'streaming', parts: [], model: 'm' } as const;
    const messages = turnMessages({ conversation }, [userMessage('Hello', 1), { ...reply, parts: [] }]);
    const row = messages[1];
    const stored = { ...conversation, active_leaf_id: row.id, last_sequence: 2 };
    const terms = { instanceId, maxRunning: null };
    const turn = await new TurnsRepository(this.db, NO_FEEDS).storeFirst(stored, messages, terms);
    if (!turn.stored) throw new Error('The turn was not stored.');
    return {
      reply: { ...replyRef(row), instanceId },
      start: startEvent({ ...row, model: row.model ?? null }),
    };
  }
}
