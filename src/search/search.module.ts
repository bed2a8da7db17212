import { Module } from '@nestjs/common';
import { ConversationsModule } from '../conversations/conversations.module';
import { MessagesModule } from '../messages/messages.module';
import { SearchController } from './search.controller';
import { SearchIndexModule } from './index/search-index.module';
import { SearchService } from './search.service';

@Module({
  imports: [ConversationsModule, MessagesModule, SearchIndexModule],
  controllers: [SearchController],
  providers: [SearchService],
})
export class SearchModule {}
