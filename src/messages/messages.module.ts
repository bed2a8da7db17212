import { Module } from '@nestjs/common';
import { TypeOrmModule } from '@nestjs/typeorm';
import { ConversationsModule } from '../conversations/conversations.module';
import { InstancesModule } from '../instances/instances.module';
import { BranchesController } from './branches.controller';
import { BranchesService } from './branches.service';
import { HistoryPages } from './history-pages';
import { MessageEntity } from './message.entity';
import { MessagesController } from './messages.controller';
import { LlmModule } from '../llm/llm.module';
import { SearchIndexModule } from '../search/index/search-index.module';
import { UserEventsModule } from '../user-events/user-events.module';
import { UsersModule } from '../users/users.module';
import { MessageRemoval } from './message-removal';
import { MessagesExport } from './messages.export';
import { MessagesRepository } from './messages.repository';
import { MessagesService } from './messages.service';
import { OpenRepliesRepository } from './open-replies.repository';
import { OpenRepliesService } from './open-replies.service';
import { OpenReplyEntity } from './open-reply.entity';
import { OverviewController } from './overview.controller';
import { OverviewRepository } from './overview.repository';
import { OverviewService } from './overview.service';
import { PathsRepository } from './paths.repository';
import { SignalsModule } from '../signals/signals.module';
import { QueueRepository } from './queue.repository';
import { QueueService } from './queue.service';
import { SlotQueue } from './slot-queue';
import { SlotQueueRepository } from './slot-queue.repository';
import { SubtreesRepository } from './subtrees.repository';
import { TurnsRepository } from './turns.repository';
import { TurnsService } from './turns.service';

@Module({
  imports: [
    TypeOrmModule.forFeature([MessageEntity, OpenReplyEntity]),
    ConversationsModule,
    InstancesModule,
    LlmModule,
    SignalsModule,
    SearchIndexModule,
    UserEventsModule,
    UsersModule,
  ],
  controllers: [OverviewController, MessagesController, BranchesController],
  providers: [
    MessagesExport,
    MessagesRepository,
    OpenRepliesRepository,
    OverviewRepository,
    PathsRepository,
    QueueRepository,
    SlotQueueRepository,
    SubtreesRepository,
    TurnsRepository,
    MessagesService,
    OpenRepliesService,
    QueueService,
    SlotQueue,
    TurnsService,
    BranchesService,
    HistoryPages,
    MessageRemoval,
    OverviewService,
  ],
  exports: [
    BranchesService,
    MessageRemoval,
    MessagesService,
    OpenRepliesService,
    QueueService,
    SlotQueue,
    TurnsService,
    HistoryPages,
  ],
})
export class MessagesModule {}
