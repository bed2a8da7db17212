import { Subject } from 'rxjs';
import type { ContextLoader } from '../../src/chat/context/context-loader';
import { Checkpoints } from '../../src/chat/journal/checkpoints';
import { JournalReplyLog } from '../../src/chat/journal/journal-reply-log';
import { JournalWriter } from '../../src/chat/journal/journal-writer';
import type { JournalRepository } from '../../src/chat/journal/journal.repository';
import type { ModelChoices } from '../../src/chat/model-choices';
import { EndingsElsewhere } from '../../src/chat/peers/endings-elsewhere';
import { JournalTails } from '../../src/chat/peers/journal-tails';
import { BusyConversations } from '../../src/chat/queue/busy-conversations';
import { QueueWatch } from '../../src/chat/queue/queue-watch';
import { QueuedRequests } from '../../src/chat/queue/queued-requests';
import { ReplyQueue } from '../../src/chat/queue/reply-queue';
import { AbandonedReplies } from '../../src/chat/recovery/abandoned-replies';
import { Recovery } from '../../src/chat/recovery/recovery';
import { ReplyEndings } from '../../src/chat/recovery/reply-endings';
import { ReplyCloser } from '../../src/chat/reply/reply-closer';
import { ReplyGenerator } from '../../src/chat/reply/reply-generator';
import { ReplyReader } from '../../src/chat/reply/reply-reader';
import { ReplyStopper } from '../../src/chat/reply/reply-stopper';
import { RunningReplies } from '../../src/chat/reply/running-replies';
import { TurnStarter } from '../../src/chat/turn-starter';
import type { AppConfig } from '../../src/config/app-config';
import type { ConversationsService } from '../../src/conversations/conversations.service';
import type { DatabaseState } from '../../src/database/database-state';
import { Draining } from '../../src/http/draining';
import type { IdempotencyRepository } from '../../src/http/idempotency/idempotency.repository';
import { IdempotencyService } from '../../src/http/idempotency/idempotency.service';
import { InstanceService } from '../../src/instances/instance.service';
import type { InstancesRepository } from '../../src/instances/instances.repository';
import type { MessagesRepository } from '../../src/messages/messages.repository';
import { MessagesService } from '../../src/messages/messages.service';
import type { OpenRepliesRepository } from '../../src/messages/open-replies.repository';
import { OpenRepliesService } from '../../src/messages/open-replies.service';
import type { PathsRepository } from '../../src/messages/paths.repository';
import type { QueueRepository } from '../../src/messages/queue.repository';
import { QueueService } from '../../src/messages/queue.service';
import type { TurnsRepository } from '../../src/messages/turns.repository';
import { TurnsService } from '../../src/messages/turns.service';
import type { StorageQuota } from '../../src/users/quotas/storage-quota';
import type { UserLock } from '../../src/users/quotas/user-lock';
import { Quotas } from '../../src/messages/usage/quotas';
import type { UsageRepository } from '../../src/messages/usage/usage.repository';
import type { Life } from './clock';
import { runnerOf, type Feeds } from './model-feed';
import type { Network } from './network';
import {
  Connection,
  lockedConversation,
  ModelInstances,
  ModelJournal,
  ModelMessages,
  ModelOpenReplies,
  ModelQueue,
  ModelTurns,
} from './repositories';

export const USER = 'somebody';

const SHARED = {
  ready: true,
  exclusive: false,
  whenReady: () => Promise.resolve(),
} as unknown as DatabaseState;
const CONFIG = {
  chat: { durability: 'standard', shutdownGraceMs: 25_000 },
  database: { statementTimeoutMs: 4_000 },
  quotas: { tokensPerDay: 0, runningReplies: 0, runningRepliesDefault: 50, storedBytes: 0 },
} as AppConfig;
const NO_CONTEXT = { load: () => Promise.resolve([]) } as unknown as ContextLoader;

/** Every wish is granted. */
const CHOICES = new (class implements Pick<ModelChoices, 'choose' | 'find'> {
  async choose(_userId: string, _conversation: unknown, { model = '' }: { model?: string }) {
    return { model, provider: 'model', settings: {}, budget: 1_000, answerRoom: 1_000 };
  }

  find = this.choose.bind(this);
})() as unknown as ModelChoices;

export type SimulatedProcess = ReturnType<typeof simulatedProcess>;

/** The real classes, as the modules wire them; only what is below them is not real. This is the one place that knows it. */
export function simulatedProcess(life: Life, network: Network, feeds: Feeds) {
  const connection = new Connection(life, network);
  const stored = servicesOf(connection);
  const { conversations, messages, openReplies, queue, instance, journal } = stored;
  const running = new RunningReplies();
  const draining = new Draining();
  const writer = new JournalWriter(journal, instance, SHARED, CONFIG);
  const checkpoints = new Checkpoints(openReplies, writer);
  const log = new JournalReplyLog(writer, checkpoints, instance);
  const closer = new ReplyCloser(messages, log);
  const generator = new ReplyGenerator(running, runnerOf(feeds, life), log, closer);
  const watch = new QueueWatch(queue, running);
  const tails = new JournalTails(journal, messages, openReplies, running, instance);
  const endings = new ReplyEndings(running, conversations, instance, draining, CONFIG);
  const requests = new QueuedRequests(CHOICES, NO_CONTEXT);
  const replyQueue = new ReplyQueue(queue, requests, generator, closer, draining);
  const stopper = new ReplyStopper(messages, openReplies, queue, running, watch);
  const busy = new BusyConversations(stopper, replyQueue);
  const idempotency = new IdempotencyService(stored.db, {} as IdempotencyRepository);
  for (const part of [
    endings,
    watch,
    tails,
    replyQueue,
    new EndingsElsewhere(running, openReplies, SHARED, instance),
  ])
    part.onModuleInit();
  return {
    life,
    instance,
    messages,
    running,
    draining,
    endings,
    stopper,
    starter: new TurnStarter(CHOICES, idempotency, stored.turns, generator, busy),
    checkpoints,
    recovery: new Recovery(instance, journal, messages, openReplies, SHARED),
    abandoned: new AbandonedReplies(openReplies, instance, running, closer, CONFIG),
    queue: replyQueue,
    reader: new ReplyReader(log, messages, running, tails, watch),
  };
}

function servicesOf(connection: Connection) {
  const db = connection.runner;
  const conversations = {
    lock: (_userId: string, id: string) => lockedConversation(connection, id),
    deletions: new Subject<string>(),
  } as unknown as ConversationsService;
  const messageRows = new ModelMessages(connection) as unknown as MessagesRepository;
  const turnRows = new ModelTurns(connection) as unknown as TurnsRepository;
  const queueRows = new ModelQueue(connection) as unknown as QueueRepository;
  const instanceRows = new ModelInstances(connection) as unknown as InstancesRepository;
  const instance = new InstanceService(instanceRows, SHARED);
  const queue = new QueueService(db, conversations, queueRows, instance);
  const quotas = new Quotas(CONFIG, db, {} as UsageRepository, {} as UserLock, {} as StorageQuota);
  return {
    db,
    conversations,
    instance,
    journal: new ModelJournal(connection) as unknown as JournalRepository,
    openReplies: new OpenRepliesService(new ModelOpenReplies(connection) as unknown as OpenRepliesRepository),
    messages: new MessagesService(messageRows, {} as PathsRepository, conversations),
    turns: new TurnsService(conversations, turnRows, queue, instance, quotas),
    queue,
  };
}
