import type { OnModuleInit } from '@nestjs/common';
import { Test } from '@nestjs/testing';
import { Subject } from 'rxjs';
import { ContextLoader } from '../../src/turns/context';
import { CheckpointWriter } from '../../src/replies/log/journal/checkpoint-writer';
import { JournalReplyLog } from '../../src/replies/log/journal/journal-reply-log';
import { JournalWriter } from '../../src/replies/log/journal/journal-writer';
import { JournalRepository } from '../../src/replies/log/journal/journal.repository';
import { ModelResolver } from '../../src/turns/model-resolver';
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
import { AppConfig } from '../../src/config/app-config';
import { ConversationsService } from '../../src/conversations/conversations.service';
import { NewKeys } from '../../src/conversations/new-keys';
import { DatabaseState } from '../../src/database/database-state';
import { Draining } from '../../src/http/draining';
import { IdempotencyRepository } from '../../src/http/idempotency/idempotency.repository';
import { IdempotencyService } from '../../src/http/idempotency/idempotency.service';
import { ModelCatalogue } from '../../src/llm/model-catalogue';
import { ModelSlots } from '../../src/llm/slots/model-slots';
import { InstanceService } from '../../src/instances/instance.service';
import { InstancesRepository } from '../../src/instances/instances.repository';
import { MessagesRepository } from '../../src/messages/messages.repository';
import { MessagesService } from '../../src/messages/messages.service';
import { OpenRepliesRepository } from '../../src/messages/open-replies.repository';
import { OpenRepliesService } from '../../src/messages/open-replies.service';
import { PathsRepository } from '../../src/messages/paths.repository';
import { QueueRepository } from '../../src/messages/queue.repository';
import { QueueService } from '../../src/messages/queue.service';
import { SlotQueue } from '../../src/messages/slot-queue';
import { SlotQueueRepository } from '../../src/messages/slot-queue.repository';
import { TurnsRepository } from '../../src/messages/turns.repository';
import { TurnsService } from '../../src/messages/turns.service';
import { TransactionRunner } from '../../src/database/transaction-runner';
import { ReplyLog } from '../../src/replies/log/reply-log';
import { Signals } from '../../src/signals/signals';
import { ModelRunner } from '../../src/llm/model-runner';
import { ProcessIdentity } from '../../src/observability/process-identity';
import { Observer, NoopObserver } from '../../src/observability/observer';
import { StorageQuota } from '../../src/users/quotas/storage-quota';
import { UserLock } from '../../src/users/quotas/user-lock';
import { Quotas } from '../../src/usage/quotas';
import { UsageRepository } from '../../src/usage/usage.repository';
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
};
const CONFIG = {
  chat: { durability: 'standard', shutdownGraceMs: 25_000 },
  database: { statementTimeoutMs: 4_000 },
  quotas: { tokensPerDay: 0, runningReplies: 0, runningRepliesDefault: 50, storedBytes: 0 },
};
const NO_CONTEXT = { load: () => Promise.resolve([]) };

/** No model has a limit. */
const SLOTS = new ModelSlots(new ModelCatalogue({ providers: [], models: [], defaultModel: '' }));

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

export interface SimulatedProcess {
  life: Life;
  instance: InstanceService;
  messages: MessagesService;
  running: ActiveReplies;
  draining: Draining;
  endings: GracefulShutdown;
  stopper: ReplyCanceller;
  sender: SendMessage;
  checkpoints: CheckpointWriter;
  dead: DeadInstanceReplies;
  cleanup: JournalCleanup;
  abandoned: OrphanedReplies;
  queue: TurnQueue;
  reader: ReplyReader;
}

const nothing = () => undefined;
/** Stories are full of failures that are logged. */
const SILENT = { log: nothing, warn: nothing, error: nothing };

/** The real classes; Nest finds out what each needs. */
const REAL = [
  NewKeys,
  IdempotencyService,
  Quotas,
  SlotQueue,
  ProcessIdentity,
  InstanceService,
  OpenRepliesService,
  MessagesService,
  QueueService,
  TurnsService,
  ActiveReplies,
  Draining,
  JournalWriter,
  CheckpointWriter,
  JournalFollowers,
  Recovery,
  JournalCleanup,
  { provide: ReplyLog, useClass: JournalReplyLog },
  ReplyFinalizer,
  ReplyProducer,
  ReplyReader,
  ReplyCanceller,
  OpenReplyWatcher,
  GracefulShutdown,
  StopTriggers,
  RemoteStopWatcher,
  DeadInstanceReplies,
  OrphanedReplies,
  QueuedReplyJobs,
  QueuedReplyStarter,
  SlotFiller,
  TurnQueue,
  OnBusyPolicy,
  TurnOpener,
  SendMessage,
  { provide: Signals, useClass: InProcessSignals },
  { provide: Observer, useClass: NoopObserver },
];

/** What is never asked for anything here. */
const UNUSED = [
  IdempotencyRepository,
  UsageRepository,
  UserLock,
  StorageQuota,
  PathsRepository,
  SlotQueueRepository,
].map((provide) => ({ provide, useValue: {} }));

/** Only what is below the real classes is not real. This is the one place that knows it. */
export async function simulatedProcess(
  life: Life,
  network: Network,
  feeds: Feeds,
): Promise<SimulatedProcess> {
  const connection = new Connection(life, network);
  const conversations = {
    lock: (_userId: string, id: string) => lockedConversation(connection, id),
    deletions: new Subject<string>(),
  };
  const module = await Test.createTestingModule({
    providers: [
      ...REAL,
      ...UNUSED,
      { provide: AppConfig, useValue: CONFIG },
      { provide: DatabaseState, useValue: SHARED },
      { provide: ModelSlots, useValue: SLOTS },
      { provide: ModelResolver, useValue: CHOICES },
      { provide: ContextLoader, useValue: NO_CONTEXT },
      { provide: ModelRunner, useValue: runnerOf(feeds, life) },
      { provide: TransactionRunner, useValue: connection.runner },
      { provide: ConversationsService, useValue: conversations },
      { provide: JournalRepository, useValue: new ModelJournal(connection) },
      { provide: OpenRepliesRepository, useValue: new ModelOpenReplies(connection) },
      { provide: MessagesRepository, useValue: new ModelMessages(connection) },
      { provide: TurnsRepository, useValue: new ModelTurns(connection) },
      { provide: QueueRepository, useValue: new ModelQueue(connection) },
      { provide: InstancesRepository, useValue: new ModelInstances(connection) },
    ],
  })
    .setLogger(SILENT)
    .compile();
  // Not the whole of `init`: the instance registers when the story says so.
  for (const type of [StopTriggers, TurnQueue, RemoteStopWatcher])
    module.get<OnModuleInit>(type).onModuleInit();
  return {
    life,
    instance: module.get(InstanceService),
    messages: module.get(MessagesService),
    running: module.get(ActiveReplies),
    draining: module.get(Draining),
    endings: module.get(GracefulShutdown),
    stopper: module.get(ReplyCanceller),
    sender: module.get(SendMessage),
    checkpoints: module.get(CheckpointWriter),
    dead: module.get(DeadInstanceReplies),
    cleanup: module.get(JournalCleanup),
    abandoned: module.get(OrphanedReplies),
    queue: module.get(TurnQueue),
    reader: module.get(ReplyReader),
  };
}
