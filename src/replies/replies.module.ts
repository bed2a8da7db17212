import { Module } from '@nestjs/common';
import { TypeOrmModule } from '@nestjs/typeorm';
import { ConversationsModule } from '../conversations/conversations.module';
import { InstancesModule } from '../instances/instances.module';
import { LlmModule } from '../llm/llm.module';
import { MessagesModule } from '../messages/messages.module';
import { ObservabilityModule } from '../observability/observability.module';
import { SignalsModule } from '../signals/signals.module';
import { UserEventsModule } from '../user-events/user-events.module';
import { UsersModule } from '../users/users.module';
import { RemoteKeyWatcher } from './cluster/remote-key-watcher';
import { RemoteStopWatcher } from './cluster/remote-stop-watcher';
import { RemoteTurnWatcher } from './cluster/remote-turn-watcher';
import { DeadInstanceReplies } from './lifecycle/dead-instance-replies';
import { DisabledUserReplies } from './lifecycle/disabled-user-replies';
import { GracefulShutdown } from './lifecycle/graceful-shutdown';
import { OrphanedReplies } from './lifecycle/orphaned-replies';
import { ReplyCanceller } from './lifecycle/reply-canceller';
import { StopTriggers } from './lifecycle/stop-triggers';
import { Sweeper } from './lifecycle/sweeper';
import { CheckpointWriter } from './log/journal/checkpoint-writer';
import { JournalCleanup } from './log/journal/journal-cleanup';
import { JournalFollowers } from './log/journal/journal-followers';
import { JournalReplyLog } from './log/journal/journal-reply-log';
import { JournalWriter } from './log/journal/journal-writer';
import { JournalEntity } from './log/journal/journal.entity';
import { JournalRepository } from './log/journal/journal.repository';
import { Recovery } from './log/journal/recovery';
import { ReplyLog } from './log/reply-log';
import { ActiveReplies } from './produce/active-replies';
import { ReplyFinalizer } from './produce/reply-finalizer';
import { ReplyProducer } from './produce/reply-producer';
import { ConversationFeed } from './read/conversation-feed';
import { NamedFeed } from './read/named-feed';
import { OpenReplyWatcher } from './read/open-reply-watcher';
import { UserFeed } from './read/user-feed';
import { ReplyReader } from './read/reply-reader';
import { ShownEnds } from './read/shown-ends';
import { RepliesService } from './replies.service';

/** The reply engine: README.md in this folder is where to start reading. */
@Module({
  imports: [
    TypeOrmModule.forFeature([JournalEntity]),
    ConversationsModule,
    InstancesModule,
    LlmModule,
    MessagesModule,
    ObservabilityModule,
    SignalsModule,
    UserEventsModule,
    UsersModule,
  ],
  providers: [
    RepliesService,
    ReplyProducer,
    ReplyFinalizer,
    ActiveReplies,
    ReplyReader,
    ConversationFeed,
    UserFeed,
    NamedFeed,
    ShownEnds,
    OpenReplyWatcher,
    ReplyCanceller,
    RemoteKeyWatcher,
    RemoteStopWatcher,
    RemoteTurnWatcher,
    GracefulShutdown,
    StopTriggers,
    DisabledUserReplies,
    DeadInstanceReplies,
    OrphanedReplies,
    Sweeper,
    { provide: ReplyLog, useClass: JournalReplyLog },
    JournalRepository,
    JournalWriter,
    JournalFollowers,
    CheckpointWriter,
    Recovery,
    JournalCleanup,
  ],
  exports: [
    RepliesService,
    ReplyProducer,
    ReplyFinalizer,
    ReplyCanceller,
    NamedFeed,
    UserFeed,
    ActiveReplies,
    Sweeper,
  ],
})
export class RepliesModule {}
