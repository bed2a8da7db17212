import { Module } from '@nestjs/common';
import { ConversationsModule } from '../conversations/conversations.module';
import { MessagesModule } from '../messages/messages.module';
import { SearchController } from './search.controller';
import { SearchIndexModule } from './index/search-index.module';
import { BackfillRepository } from './backfill.repository';
import { QueueModule } from '../jobs/queue.module';
import { SearchBackfill } from './search-backfill';
import { SearchRefreshJob } from './search-refresh.job';
import { SearchService } from './search.service';

@Module({
  imports: [ConversationsModule, MessagesModule, QueueModule, SearchIndexModule],
  controllers: [SearchController],
  providers: [BackfillRepository, SearchBackfill, SearchRefreshJob, SearchService],
})
export class SearchModule {}
