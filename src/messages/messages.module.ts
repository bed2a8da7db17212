import { Module } from '@nestjs/common';
import { TypeOrmModule } from '@nestjs/typeorm';
import { ConversationsModule } from '../conversations/conversations.module';
import { InstancesModule } from '../instances/instances.module';
import { BranchesController } from './branches.controller';
import { BranchesService } from './branches.service';
import { HistoryPages } from './history-pages';
import { MessageEntity } from './message.entity';
import { MessagesController } from './messages.controller';
import { MessagesRepository } from './messages.repository';
import { MessagesService } from './messages.service';
import { PathsRepository } from './paths.repository';
import { QueueRepository } from './queue.repository';
import { QueueService } from './queue.service';
import { TurnsRepository } from './turns.repository';
import { TurnsService } from './turns.service';

@Module({
  imports: [TypeOrmModule.forFeature([MessageEntity]), ConversationsModule, InstancesModule],
  controllers: [MessagesController, BranchesController],
  providers: [
    MessagesRepository,
    PathsRepository,
    QueueRepository,
    TurnsRepository,
    MessagesService,
    QueueService,
    TurnsService,
    BranchesService,
    HistoryPages,
  ],
  exports: [MessagesService, QueueService, TurnsService, HistoryPages],
})
export class MessagesModule {}
