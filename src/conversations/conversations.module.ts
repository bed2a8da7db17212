import { Module } from '@nestjs/common';
import { TypeOrmModule } from '@nestjs/typeorm';
import { ProvidersModule } from '../providers/providers.module';
import { SignalsModule } from '../signals/signals.module';
import { ConversationEntity } from './conversation.entity';
import { ConversationRemoval } from './conversation-removal';
import { ConversationsController } from './conversations.controller';
import { UserEventsModule } from '../user-events/user-events.module';
import { UsersModule } from '../users/users.module';
import { ConversationsExport } from './conversations.export';
import { ConversationsRepository } from './conversations.repository';
import { ConversationsService } from './conversations.service';
import { NewKeys } from './new-keys';

@Module({
  imports: [
    TypeOrmModule.forFeature([ConversationEntity]),
    ProvidersModule,
    SignalsModule,
    UserEventsModule,
    UsersModule,
  ],
  controllers: [ConversationsController],
  providers: [
    ConversationRemoval,
    ConversationsExport,
    ConversationsRepository,
    ConversationsService,
    NewKeys,
  ],
  exports: [ConversationRemoval, ConversationsService, NewKeys],
})
export class ConversationsModule {}
