import { Injectable } from '@nestjs/common';
import { SEARCH_BOUNDS, STORAGE_BOUNDS } from '../config/bounds';
import { readQueryIfAny } from '../search/index/read-query';
import { SearchIndex } from '../search/index/search-index';
import { decodeCursor, encodeCursor, type CursorScope } from '../http/cursor';
import type { Page } from '../http/page';
import {
  OverviewRepository,
  positionOf,
  type ConversationFilter,
  type FoundConversations,
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

/** Lists of conversations with their open reply and their last message. */
@Injectable()
export class OverviewService {
  constructor(
    private readonly repository: OverviewRepository,
    private readonly index: SearchIndex,
  ) {}

  /**
   * One page of the list. A search looks at a limited number of conversations for a page; the next page continues behind them.
   * @throws AppError `invalid_cursor`, `invalid_search` if `q` has too many words
   */
  async page(
    userId: string,
    { filter, order, limit, cursor }: ConversationListQuery,
  ): Promise<Page<ListedConversation>> {
    const scope = { userId, list: `conversations ${order} ${JSON.stringify(filter)}` };
    const after = cursor === undefined ? undefined : afterOf(scope, cursor);
    const found = filter.q === undefined ? undefined : await this.find(userId, filter.q);
    const until = isSearch(filter)
      ? await this.repository.further(userId, order, filter, {
          after,
          count: mostLookedAt(found),
        })
      : undefined;
    // One row more than is shown tells whether there are more.
    const list = () => this.repository.list(userId, { filter, order, found }, { after, until }, limit + 1);
    const rows = await (found ? this.index.planned(list) : list());
    const next = rows.length > limit ? positionOf(rows[limit - 1]) : until;
    return {
      data: rows.slice(0, limit),
      has_more: next !== undefined,
      next_cursor: next ? encodeCursor(scope, [next.pinned, next.last_activity_at, next.id]) : null,
    };
  }

  private async find(userId: string, q: string): Promise<FoundConversations | undefined> {
    const query = readQueryIfAny(q);
    if (!query) return undefined;
    const ids = await this.index.conversations(userId, query);
    return ids ? { ids } : { query };
  }
}

/** Maximum conversations that one page of a search looks at. Looking for words in one takes longer than comparing its title. */
function mostLookedAt(found: FoundConversations | undefined): number {
  return found && 'query' in found
    ? SEARCH_BOUNDS.askedConversations.limit
    : STORAGE_BOUNDS.searchedConversations.limit;
}

/** Whether the list may have to look at many conversations to find one. Conversations in which a reply runs or waits are few, and known. */
function isSearch({ q, unread, model, metadata, running }: ConversationFilter): boolean {
  return running !== true && [q, unread, model, metadata].some((value) => value !== undefined);
}

function afterOf(scope: CursorScope, cursor: string): ConversationPosition {
  const [pinned, last_activity_at, id] = decodeCursor(scope, cursor, ['boolean', 'timestamp', 'uuid']);
  return { pinned, last_activity_at, id };
}
