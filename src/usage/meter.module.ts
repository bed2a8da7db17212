import { Module } from '@nestjs/common';
import { TypeOrmModule } from '@nestjs/typeorm';
import { ConversationsModule } from '../conversations/conversations.module';
import { MessagesModule } from '../messages/messages.module';
import { UsersModule } from '../users/users.module';
import { PastUsageEntity } from './past-usage.entity';
import { Quotas } from './quotas';
import { UsageMeter } from './usage-meter';
import { UsageRepository } from './usage.repository';

/** Usage of replies, read from the messages themselves, and the quotas within which turns are opened (`turns/turn-opener.ts`). */
@Module({
  imports: [TypeOrmModule.forFeature([PastUsageEntity]), ConversationsModule, MessagesModule, UsersModule],
  providers: [Quotas, UsageMeter, UsageRepository],
  exports: [Quotas, UsageMeter],
})
export class MeterModule {}
