import { Controller, Query } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import { CurrentUser } from '../auth/current-user.decorator';
import { RequiresScope } from '../auth/route-rules.decorator';
import { conversationNotFound } from '../conversations/conversation.errors';
import type { Page } from '../http/page';
import { ListRoute } from '../http/routes';
import { Expensive } from '../limits/expensive.decorator';
import { SearchHitResponse, toSearchHitResponse } from './dto/search-hit.response';
import { SearchQuery } from './dto/search.query';
import { invalidSearch } from './index/read-query';
import { SearchService } from './search.service';

@RequiresScope('conversations:read')
@ApiTags('search')
@Controller('search')
export class SearchController {
  constructor(private readonly search: SearchService) {}

  @Expensive()
  @ListRoute('', SearchHitResponse, {
    summary: 'Search messages and titles',
    description:
      'Best hits first, in messages of all branches and in titles, archived conversations included. What was said a moment ago is found. ' +
      '`GET /conversations/{id}/path?message_id=` is the path through a hit. A page may end before it is full; `has_more` tells whether there are more.',
    problems: [invalidSearch, conversationNotFound],
  })
  async searchMessages(
    @CurrentUser() userId: string,
    @Query() query: SearchQuery,
  ): Promise<Page<SearchHitResponse>> {
    const page = await this.search.search(userId, query);
    return { ...page, data: page.data.map(toSearchHitResponse) };
  }
}
