import { Injectable } from '@nestjs/common';
import { decodeCursor, encodeCursor, type CursorScope } from '../http/cursor';
import type { Page } from '../http/page';
import type { PageQuery } from '../http/page-query.dto';
import { toMessageResponse, type MessageResponse } from './dto/message.response';
import { toVersionResponse, type VersionResponse } from './dto/version.response';
import type { ConversationRef } from './message.types';
import { MessagesService, type HistoryPage, type PathPosition } from './messages.service';

/** Query for a page of a path; a cursor continues the path it came from, in the direction it came from. */
export interface HistoryQuery {
  limit: number;
  cursor?: string;
  leaf?: string;
}

/** Paths as pages on the wire. */
@Injectable()
export class HistoryPages {
  constructor(private readonly messages: MessagesService) {}

  /** A page of a path, from its first message on, or from where the cursor points. */
  async page(userId: string, conversationId: string, query: HistoryQuery): Promise<Page<MessageResponse>> {
    const leafId = await this.messages.leafOf(userId, conversationId, query.leaf);
    const scope = scopeOf({ userId, conversationId });
    const position = query.cursor ? toPosition(scope, query.cursor) : leafId && { leafId, after: 0 };
    return position ? this.read({ userId, conversationId }, position, query.limit) : EMPTY_PAGE;
  }

  /** A page of the path through a message; the active path of the conversation does not change. */
  async pageThrough(
    userId: string,
    conversationId: string,
    { message_id, ...query }: PageQuery & { message_id: string },
  ): Promise<Page<MessageResponse>> {
    const leaf = await this.messages.leafThrough(userId, conversationId, message_id);
    return this.page(userId, conversationId, { ...query, leaf });
  }

  /** A page of the versions of a message. */
  async versions(userId: string, id: string, { limit, cursor }: PageQuery): Promise<Page<VersionResponse>> {
    const scope = { userId, list: `versions ${id}` };
    const [after] = cursor === undefined ? [0] : decodeCursor(scope, cursor, ['integer']);
    const { versions, next } = await this.messages.versions(userId, id, after, limit);
    return {
      data: versions.map(toVersionResponse),
      has_more: next !== undefined,
      next_cursor: next === undefined ? null : encodeCursor(scope, [next]),
    };
  }

  /** The newest messages of the path, oldest first; `next_cursor` leads to older messages. */
  async latest(
    userId: string,
    conversationId: string,
    leafId: string | null,
    limit: number,
  ): Promise<Page<MessageResponse>> {
    if (!leafId) return EMPTY_PAGE;
    return this.read({ userId, conversationId }, { leafId }, limit);
  }

  private async read(
    of: ConversationRef,
    position: PathPosition,
    limit: number,
  ): Promise<Page<MessageResponse>> {
    return asPage(scopeOf(of), await this.messages.history(of, position, limit));
  }
}

const EMPTY_PAGE: Page<MessageResponse> = { data: [], has_more: false, next_cursor: null };

function asPage(scope: CursorScope, { messages, next }: HistoryPage): Page<MessageResponse> {
  return {
    data: messages.map(toMessageResponse),
    has_more: next !== undefined,
    next_cursor: next ? toCursor(scope, next) : null,
  };
}

function scopeOf({ userId, conversationId }: ConversationRef): CursorScope {
  return { userId, list: `messages ${conversationId}` };
}

/** Cursor of a position; a negative depth stands for the direction to older messages. */
function toCursor(scope: CursorScope, { leafId, before, after }: PathPosition): string {
  return encodeCursor(scope, [leafId, after ?? -(before ?? 0)]);
}

function toPosition(scope: CursorScope, cursor: string): PathPosition {
  const [leafId, depth] = decodeCursor(scope, cursor, ['uuid', 'integer']);
  return depth < 0 ? { leafId, before: -depth } : { leafId, after: depth };
}
