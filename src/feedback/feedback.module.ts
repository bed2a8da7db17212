import { Module } from '@nestjs/common';
import { TypeOrmModule } from '@nestjs/typeorm';
import { ConversationsModule } from '../conversations/conversations.module';
import { MessagesModule } from '../messages/messages.module';
import { FeedbackController } from './feedback.controller';
import { FeedbackEntity } from './feedback.entity';
import { UsersModule } from '../users/users.module';
import { FeedbackExport } from './feedback.export';
import { FeedbackRepository } from './feedback.repository';
import { FeedbackService } from './feedback.service';

@Module({
  imports: [TypeOrmModule.forFeature([FeedbackEntity]), ConversationsModule, MessagesModule, UsersModule],
  controllers: [FeedbackController],
  providers: [FeedbackExport, FeedbackRepository, FeedbackService],
})
export class FeedbackModule {}
