import { Subject } from 'rxjs';
import type { ContextLoader } from '../../src/turns/context';
import { CheckpointWriter } from '../../src/replies/log/journal/checkpoint-writer';
import { JournalReplyLog } from '../../src/replies/log/journal/journal-reply-log';
import { JournalWriter } from '../../src/replies/log/journal/journal-writer';
import type { JournalRepository } from '../../src/replies/log/journal/journal.repository';
import type { ModelResolver } from '../../src/turns/model-resolver';
import { RemoteStopWatcher } from '../../src/replies/cluster/remote-stop-watcher';
import { JournalFollowers } from '../../src/replies/log/journal/journal-followers';
import { OnBusyPolicy } from '../../src/turns/queue/on-busy';
import { OpenReplyWatcher } from '../../src/replies/read/open-reply-watcher';
import { QueuedReplyJobs } from '../../src/turns/queue/queued-reply-jobs';
import { QueuedReplyStarter } from '../../src/turns/queue/queued-reply-starter';
import { SlotFiller } from '../../src/turns/queue/slot-filler';
import { TurnQueue } from '../../src/turns/queue/turn-queue';
import { InProcessSignals } from '../../src/signals/in-process-signals';
import { DeadInstanceReplies } from '../../src/replies/lifecycle/dead-instance-replies';
import { JournalCleanup } from '../../src/replies/log/journal/journal-cleanup';
import { OrphanedReplies } from '../../src/replies/lifecycle/orphaned-replies';
import { Recovery } from '../../src/replies/log/journal/recovery';
import { StopTriggers } from '../../src/replies/lifecycle/stop-triggers';
import { GracefulShutdown } from '../../src/replies/lifecycle/graceful-shutdown';
import { ReplyFinalizer } from '../../src/replies/produce/reply-finalizer';
import { ReplyProducer } from '../../src/replies/produce/reply-producer';
import { ReplyReader } from '../../src/replies/read/reply-reader';
import { ReplyCanceller } from '../../src/replies/lifecycle/reply-canceller';
import { ActiveReplies } from '../../src/replies/produce/active-replies';
import { SendMessage } from '../../src/turns/send-message';
import { TurnOpener } from '../../src/turns/turn-opener';
import type { AppConfig } from '../../src/config/app-config';
import type { ConversationsService } from '../../src/conversations/conversations.service';
import { NewKeys } from '../../src/conversations/new-keys';
import type { DatabaseState } from '../../src/database/database-state';
import { Draining } from '../../src/http/draining';
import type { IdempotencyRepository } from '../../src/http/idempotency/idempotency.repository';
import { IdempotencyService } from '../../src/http/idempotency/idempotency.service';
import { ModelCatalogue } from '../../src/llm/model-catalogue';
import { ModelSlots } from '../../src/llm/slots/model-slots';
import { InstanceService } from '../../src/instances/instance.service';
import type { InstancesRepository } from '../../src/instances/instances.repository';
import type { MessagesRepository } from '../../src/messages/messages.repository';
import { MessagesService } from '../../src/messages/messages.service';
import type { OpenRepliesRepository } from '../../src/messages/open-replies.repository';
import { OpenRepliesService } from '../../src/messages/open-replies.service';
import type { PathsRepository } from '../../src/messages/paths.repository';
import type { QueueRepository } from '../../src/messages/queue.repository';
import { QueueService } from '../../src/messages/queue.service';
import { SlotQueue } from '../../src/messages/slot-queue';
import type { SlotQueueRepository } from '../../src/messages/slot-queue.repository';
import type { TurnsRepository } from '../../src/messages/turns.repository';
import { TurnsService } from '../../src/messages/turns.service';
import type { StorageQuota } from '../../src/users/quotas/storage-quota';
import type { UserLock } from '../../src/users/quotas/user-lock';
import { Quotas } from '../../src/usage/quotas';
import type { UsageRepository } from '../../src/usage/usage.repository';
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

/** No model has a limit. */
const SLOTS = new ModelSlots(new ModelCatalogue({ providers: [], models: [], defaultModel: '' }));
const SLOT_QUEUE = new SlotQueue({} as SlotQueueRepository, SLOTS);

/** Every wish is granted. */
const CHOICES = new (class implements Pick<ModelResolver, 'resolve' | 'find'> {
  async resolve(_userId: string, _conversation: unknown, { model = '' }: { model?: string }) {
    return {
      model,
      provider: 'model',
      settings: {},
      contextTokens: 1_000,
      systemTokens: 0,
      maxOutputTokens: 1_000,
    };
  }

  find = this.resolve.bind(this);
})() as unknown as ModelResolver;

export type SimulatedProcess = ReturnType<typeof simulatedProcess>;

/** The real classes, as the modules wire them; only what is below them is not real. This is the one place that knows it. */
export function simulatedProcess(life: Life, network: Network, feeds: Feeds) {
  const connection = new Connection(life, network);
  const signals = new InProcessSignals();
  const stored = servicesOf(connection, signals);
  const { conversations, messages, openReplies, queue, instance, journal } = stored;
  const running = new ActiveReplies(signals);
  const draining = new Draining();
  const writer = new JournalWriter(journal, instance, SHARED, CONFIG);
  const checkpoints = new CheckpointWriter(openReplies, writer);
  const followers = new JournalFollowers(journal, messages, openReplies, instance, signals);
  const recovery = new Recovery(instance, journal, openReplies);
  const log = new JournalReplyLog(writer, checkpoints, instance, followers, recovery);
  const closer = new ReplyFinalizer(messages, log, signals);
  const generator = new ReplyProducer(running, runnerOf(feeds, life), log, closer, SLOTS);
  const watch = new OpenReplyWatcher(queue, openReplies, SLOT_QUEUE, signals);
  const endings = new GracefulShutdown(running, log, instance, draining, CONFIG);
  const requests = new QueuedReplyJobs(CHOICES, NO_CONTEXT);
  const starter = new QueuedReplyStarter(queue, requests, generator);
  const slotTurns = new SlotFiller(SLOT_QUEUE, SLOTS, starter, draining);
  const replyQueue = new TurnQueue(queue, slotTurns, starter, closer, draining);
  const stopper = new ReplyCanceller(messages, openReplies, queue, running, watch);
  const busy = new OnBusyPolicy(stopper, replyQueue);
  const idempotency = new IdempotencyService(stored.db, {} as IdempotencyRepository);
  const opener = new TurnOpener(idempotency, stored.quotas, stored.turns, new NewKeys(stored.db, signals));
  for (const part of [
    new StopTriggers(running, conversations, instance, signals),
    replyQueue,
    new RemoteStopWatcher(running, openReplies, SHARED, instance, signals),
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
    sender: new SendMessage(CHOICES, stored.turns, opener, busy, generator),
    checkpoints,
    dead: new DeadInstanceReplies(instance, openReplies, log, closer, SHARED),
    cleanup: new JournalCleanup(journal, instance),
    abandoned: new OrphanedReplies(openReplies, instance, running, closer, CONFIG),
    queue: replyQueue,
    reader: new ReplyReader(log, messages, running, watch),
  };
}

function servicesOf(connection: Connection, signals: InProcessSignals) {
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
  const queue = new QueueService(db, conversations, queueRows, instance, SLOT_QUEUE);
  const quotas = new Quotas(CONFIG, {} as UsageRepository, {} as UserLock, {} as StorageQuota);
  return {
    db,
    conversations,
    instance,
    journal: new ModelJournal(connection) as unknown as JournalRepository,
    openReplies: new OpenRepliesService(
      new ModelOpenReplies(connection) as unknown as OpenRepliesRepository,
      signals,
    ),
    messages: new MessagesService(messageRows, {} as PathsRepository, conversations, SLOT_QUEUE),
    turns: new TurnsService(conversations, turnRows, queue, instance),
    quotas,
    queue,
  };
}
