import { Controller, Query } from '@nestjs/common';
import { ApiQuery, ApiTags } from '@nestjs/swagger';
import { CurrentUser } from '../auth/current-user.decorator';
import { RequiresScope } from '../auth/route-rules.decorator';
import type { Page } from '../http/page';
import { ListRoute } from '../http/routes';
import { Expensive } from '../limits/expensive.decorator';
import { ListConversationsQuery } from './dto/list-conversations.query';
import { ListedConversationResponse, toListedConversationResponse } from './dto/listed-conversation.response';
import { OverviewService } from './overview.service';

const flag = (value: 'true' | 'false' | undefined) => (value === undefined ? undefined : value === 'true');

/** Documents the filter by metadata: each property of the object is a parameter of its own. */
const ApiMetadataFilter = () =>
  ApiQuery({
    name: 'metadata',
    required: false,
    style: 'form',
    explode: true,
    schema: {
      type: 'object',
      additionalProperties: { type: 'string', maxLength: 512 },
      maxProperties: 16,
      example: { 'metadata.project': 'norway' },
    },
    description:
      'Only those that have these pairs in their metadata: `metadata.<key>=<value>`, once for each key.',
  });

/** The list of conversations; their other routes are in `conversations/`, which does not depend on messages. */
@RequiresScope('conversations:read')
@ApiTags('conversations')
@Controller('conversations')
export class OverviewController {
  constructor(private readonly overview: OverviewService) {}

  @Expensive()
  @ApiMetadataFilter()
  @ListRoute('', ListedConversationResponse, {
    summary: 'List conversations',
    description:
      'Pinned ones first, then newest activity first. With `q`, `unread`, `model` or `metadata` a page may end before it is full; `has_more` ' +
      'tells whether there are more.',
  })
  async listConversations(
    @CurrentUser() userId: string,
    @Query() query: ListConversationsQuery,
  ): Promise<Page<ListedConversationResponse>> {
    const { q, model, metadata, order = 'pinned', limit, cursor } = query;
    const flags = { pinned: flag(query.pinned), running: flag(query.running), unread: flag(query.unread) };
    const filter = { archived: query.archived === 'true', q, model, metadata, ...flags };
    const page = await this.overview.page(userId, { filter, order, limit, cursor });
    return { ...page, data: page.data.map(toListedConversationResponse) };
  }
}
