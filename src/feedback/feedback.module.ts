import { Module } from '@nestjs/common';
import { TypeOrmModule } from '@nestjs/typeorm';
import { AuditModule } from '../audit/audit.module';
import { ConversationsModule } from '../conversations/conversations.module';
import { MessagesModule } from '../messages/messages.module';
import { FeedbackReportsController } from './feedback-reports.controller';
import { FeedbackReportsRepository } from './feedback-reports.repository';
import { FeedbackReports } from './feedback-reports.service';
import { FeedbackController } from './feedback.controller';
import { FeedbackEntity } from './feedback.entity';
import { UsersModule } from '../users/users.module';
import { FeedbackExport } from './feedback.export';
import { FeedbackRepository } from './feedback.repository';
import { FeedbackService } from './feedback.service';

@Module({
  imports: [
    TypeOrmModule.forFeature([FeedbackEntity]),
    AuditModule,
    ConversationsModule,
    MessagesModule,
    UsersModule,
  ],
  controllers: [FeedbackController, FeedbackReportsController],
  providers: [
    FeedbackExport,
    FeedbackReports,
    FeedbackReportsRepository,
    FeedbackRepository,
    FeedbackService,
  ],
})
export class FeedbackModule {}
