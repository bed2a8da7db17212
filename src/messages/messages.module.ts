import { Module } from '@nestjs/common';
import { TypeOrmModule } from '@nestjs/typeorm';
import { ConversationsModule } from '../conversations/conversations.module';
import { InstancesModule } from '../instances/instances.module';
import { BranchesController } from './branches.controller';
import { BranchesService } from './branches.service';
import { HistoryPages } from './history-pages';
import { MessageEntity } from './message.entity';
import { MessagesController } from './messages.controller';
import { UsersModule } from '../users/users.module';
import { MessagesExport } from './messages.export';
import { MessagesRepository } from './messages.repository';
import { MessagesService } from './messages.service';
import { PathsRepository } from './paths.repository';
import { TurnsService } from './turns.service';

@Module({
  imports: [TypeOrmModule.forFeature([MessageEntity]), ConversationsModule, InstancesModule, UsersModule],
  controllers: [MessagesController, BranchesController],
  providers: [
    MessagesExport,
    MessagesRepository,
    PathsRepository,
    MessagesService,
    TurnsService,
    BranchesService,
    HistoryPages,
  ],
  exports: [MessagesService, TurnsService, HistoryPages],
})
export class MessagesModule {}
