import { Injectable } from '@nestjs/common';
import { STORAGE_BOUNDS } from '../config/bounds';
import { decodeCursor, encodeCursor, type CursorScope } from '../http/cursor';
import type { Page } from '../http/page';
import {
  OverviewRepository,
  positionOf,
  type ConversationFilter,
  type ConversationPosition,
  type ListedConversation,
  type ListOrder,
} from './overview.repository';

export interface ConversationListQuery {
  filter: ConversationFilter;
  order: ListOrder;
  limit: number;
  cursor?: string;
}

/** Lists of conversations with what happens in them. */
@Injectable()
export class OverviewService {
  constructor(private readonly repository: OverviewRepository) {}

  /**
   * One page. A search that has found less in as many as it may look at goes on behind them.
   * @throws AppError `invalid_cursor`
   */
  async page(
    userId: string,
    { filter, order, limit, cursor }: ConversationListQuery,
  ): Promise<Page<ListedConversation>> {
    const scope = { userId, list: `conversations ${order} ${JSON.stringify(filter)}` };
    const after = cursor === undefined ? undefined : afterOf(scope, cursor);
    const until = isSearch(filter)
      ? await this.repository.further(userId, order, filter, {
          after,
          count: STORAGE_BOUNDS.searchedConversations.limit,
        })
      : undefined;
    // One more than is shown tells whether there are more.
    const found = await this.repository.list(userId, { filter, order }, { after, until }, limit + 1);
    const next = found.length > limit ? positionOf(found[limit - 1]) : until;
    return {
      data: found.slice(0, limit),
      has_more: next !== undefined,
      next_cursor: next ? encodeCursor(scope, [next.pinned, next.last_activity_at, next.id]) : null,
    };
  }
}

/** Whether it may have to look at many conversations to find one. Those in which something runs are few, and known. */
function isSearch({ q, unread, model, metadata, running }: ConversationFilter): boolean {
  return running !== true && [q, unread, model, metadata].some((value) => value !== undefined);
}

function afterOf(scope: CursorScope, cursor: string): ConversationPosition {
  const [pinned, last_activity_at, id] = decodeCursor(scope, cursor, ['boolean', 'timestamp', 'uuid']);
  return { pinned, last_activity_at, id };
}
