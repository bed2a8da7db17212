import { setImmediate as nextTurn } from 'node:timers/promises';
import { Injectable } from '@nestjs/common';
import { SEARCH_BOUNDS } from '../config/bounds';
import { ConversationsService, type Conversation } from '../conversations/conversations.service';
import { decodeCursor, encodeCursor, type CursorScope } from '../http/cursor';
import type { Page } from '../http/page';
import { MessagesService } from '../messages/messages.service';
import { snippetOf, type Snippet } from '../text-search/snippet';
import type { TextQuery } from '../text-search/text-query';
import type { SearchQuery } from './dto/search.query';
import {
  SearchIndex,
  type EntryPosition,
  type Hit,
  type Ranked,
  type SearchFilter,
} from './index/search-index';
import { readQuery } from './index/read-query';

/** A hit as it is shown. */
export interface FoundHit {
  hit: Hit;
  conversation: Conversation;
  snippet: Snippet;
}

/** Where a page begins: hits that are ranked together, from an entry on, and of these what comes after a hit. */
interface PageStart {
  entry: EntryPosition & { inclusive: boolean };
  after?: Pick<Hit, 'score' | 'id'> & { created_at: string };
}

/** Finds what was said, and titles. */
@Injectable()
export class SearchService {
  constructor(
    private readonly index: SearchIndex,
    private readonly conversations: ConversationsService,
    private readonly messages: MessagesService,
  ) {}

  /**
   * @throws {AppError} `invalid_search` for what cannot be looked for, `invalid_cursor`, `conversation_not_found` for a key that no conversation has
   */
  async search(userId: string, { q, limit, cursor, ...rest }: SearchQuery): Promise<Page<FoundHit>> {
    const query = readQuery(q);
    const filter = await this.filterOf(userId, rest);
    const scope = { userId, list: `search ${JSON.stringify([q, filter])}` };
    const start = cursor === undefined ? undefined : startOf(scope, cursor);
    const { from, hits, first, last } = await this.find(userId, query, filter, start?.entry);
    const left = hits.filter((hit) => comesAfter(hit, from === start?.entry ? start?.after : undefined));
    const { found, looked } = await this.show(userId, query, left.slice(0, limit));
    const entry = from ?? (first && { ...first, inclusive: true });
    let next: PageStart | undefined;
    if (looked && entry && looked < left.length) next = { entry, after: positionOf(left[looked - 1]) };
    else if (last) next = { entry: { ...last, inclusive: false } };
    return {
      data: found,
      has_more: next !== undefined,
      next_cursor: next ? cursorOf(scope, next) : null,
    };
  }

  /** The next hits that are ranked together; none if there are none for as long as there is time. `from`: where they begin. */
  private async find(
    userId: string,
    query: TextQuery,
    filter: SearchFilter,
    start: PageStart['entry'] | undefined,
  ): Promise<Ranked & { from: PageStart['entry'] | undefined }> {
    const end = performance.now() + SEARCH_BOUNDS.searchTime.limit;
    let from = start;
    for (;;) {
      const ranked = await this.index.find(userId, query, filter, from);
      const { hits, last } = ranked;
      if (hits.length || !last || performance.now() > end) return { ...ranked, from };
      from = { ...last, inclusive: false };
    }
  }

  private async filterOf(
    userId: string,
    { conversation_id: name, role, from, to }: Omit<SearchQuery, 'q' | 'limit' | 'cursor'>,
  ): Promise<SearchFilter> {
    const conversationId = name === undefined ? undefined : await this.conversations.idOf(userId, name);
    const at = (time: string | undefined) => (time === undefined ? undefined : new Date(time));
    return { conversationId, role, from: at(from), to: at(to) };
  }

  /** As many of these hits as there is room for, but for what is gone meanwhile. @returns `looked`: how many were looked at */
  private async show(
    userId: string,
    query: TextQuery,
    hits: readonly Hit[],
  ): Promise<{ found: FoundHit[]; looked: number }> {
    const ids = [...new Set(hits.map(({ conversation_id }) => conversation_id))];
    const conversations = new Map(
      (await this.conversations.getSome(userId, ids)).map((each) => [each.id, each]),
    );
    const messageIds = hits.flatMap(({ id, role }) => (role === null ? [] : [id]));
    const texts = await this.messages.texts(userId, messageIds, SEARCH_BOUNDS.snippetTexts.limit);
    const found: FoundHit[] = [];
    for (const [index, hit] of hits.entries()) {
      const conversation = conversations.get(hit.conversation_id);
      const text = hit.role === null ? conversation?.title : texts.get(hit.id);
      // Too much for one page.
      if (text === undefined && texts.has(hit.id)) return { found, looked: index };
      if (!conversation || text === undefined || text === null) continue;
      found.push({ hit, conversation, snippet: snippetOf(text, query) });
      if (text.length > 10_000) await nextTurn();
    }
    return { found, looked: hits.length };
  }
}

/** Behind a hit among those that are ranked together, best and newest first. */
function comesAfter(hit: Hit, after: PageStart['after']): boolean {
  if (!after) return true;
  if (hit.score !== after.score) return hit.score < after.score;
  const at = hit.created_at.toISOString();
  return at < after.created_at || (at === after.created_at && hit.id < after.id);
}

function positionOf({ score, created_at, id }: Hit): NonNullable<PageStart['after']> {
  return { score, created_at: created_at.toISOString(), id };
}

/** A start without `after` has the entry in its place, and a score that no hit has. */
const NO_SCORE = -1;

function cursorOf(scope: CursorScope, { entry, after }: PageStart): string {
  const { score, created_at, id } = after ?? { ...entry, score: NO_SCORE };
  return encodeCursor(scope, [
    entry.segment,
    entry.created_at,
    entry.id,
    entry.inclusive,
    score,
    created_at,
    id,
  ]);
}

function startOf(scope: CursorScope, cursor: string): PageStart {
  const kinds = ['integer', 'timestamp', 'uuid', 'boolean', 'integer', 'timestamp', 'uuid'] as const;
  const [segment, at, entryId, inclusive, score, created_at, id] = decodeCursor(scope, cursor, kinds);
  const entry = { segment, created_at: at, id: entryId, inclusive };
  return { entry, ...(score !== NO_SCORE && { after: { score, created_at, id } }) };
}
