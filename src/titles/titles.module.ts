import { Module } from '@nestjs/common';
import { ConversationsModule } from '../conversations/conversations.module';
import { JobsModule } from '../jobs/jobs.module';
import { LlmModule } from '../llm/llm.module';
import { MessagesModule } from '../messages/messages.module';
import { ProvidersModule } from '../providers/providers.module';
import { RepliesModule } from '../replies/replies.module';
import { SignalsModule } from '../signals/signals.module';
import { MeterModule } from '../usage/meter.module';
import { TitleJobs } from './title-jobs';
import { TitleStore } from './title-store';
import { TitleWriter } from './title-writer';
import { TitlesController } from './titles.controller';
import { Titles } from './titles.service';

/**
 * Titles of conversations. `title-jobs.ts` is where to start reading: a reply that calls for a title → `titles.service.ts` → `title-writer.ts` asks a
 * model → `title-store.ts`.
 */
@Module({
  imports: [
    ConversationsModule,
    JobsModule,
    LlmModule,
    MessagesModule,
    MeterModule,
    ProvidersModule,
    RepliesModule,
    SignalsModule,
  ],
  controllers: [TitlesController],
  providers: [TitleJobs, TitleStore, TitleWriter, Titles],
})
export class TitlesModule {}
