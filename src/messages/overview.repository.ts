import { Injectable } from '@nestjs/common';
import type { Conversation } from '../conversations/conversations.service';
import { TransactionRunner } from '../database/transaction-runner';
import type { MessageRole, OpenStatus } from './message.types';
import { partitionOf, SOME_CONVERSATION } from '../search/index/entries';
import { isFoundIn, KNOWN } from '../search/index/search-index';
import { tsqueryOf, type TextQuery } from '../text-search/text-query';
import { isQueued } from './turns.repository';

export type ListOrder = 'pinned' | 'activity';

/** Ids of the conversations that a search found, or, if they are too many to list, the query to run in each conversation. */
export type FoundConversations = { ids: string[] } | { query: TextQuery };

export interface ConversationFilter {
  archived: boolean;
  /** Text anywhere in the title, whatever the case, or words that the search finds in messages (`FoundConversations`). */
  q?: string;
  pinned?: boolean;
  running?: boolean;
  unread?: boolean;
  model?: string;
  metadata?: Record<string, string>;
}

/** Sort values of a conversation; the time in ISO 8601. */
export interface ConversationPosition {
  pinned: boolean;
  last_activity_at: string;
  id: string;
}

/** Part of a list: from behind `after` as far as `until`, which is included. */
export interface ListRange {
  after?: ConversationPosition;
  until?: ConversationPosition;
}

type OrNone<T> = T | { [K in keyof T]: null };

/** A conversation with its running reply, or the first that waits, and the end of its active path. */
export type ListedConversation = Conversation &
  OrNone<{ running_id: string; running_status: OpenStatus; running_model: string | null }> &
  OrNone<{ last_id: string; last_role: MessageRole; last_text: string | null; last_at: Date }>;

/** Maximum characters of a text that leave the database, for a preview. */
const TEXT_LENGTH = 500;

const COLUMNS: Record<ListOrder, readonly (keyof ConversationPosition)[]> = {
  pinned: ['pinned', 'last_activity_at', 'id'],
  activity: ['last_activity_at', 'id'],
};

/** SQL for the ids of conversations in which a reply of the user (`$1`) runs or waits. */
const BUSY = `ARRAY(SELECT o.conversation_id FROM open_replies o WHERE o.user_id = $1
  UNION SELECT q.conversation_id FROM messages q WHERE q.user_id = $1 AND ${isQueued('q')})`;

/** Lists of conversations with their open reply and their last message. A page is one statement. */
@Injectable()
export class OverviewRepository {
  constructor(private readonly db: TransactionRunner) {}

  list(
    userId: string,
    { filter, order, found }: { filter: ConversationFilter; order: ListOrder; found?: FoundConversations },
    range: ListRange,
    limit: number,
  ): Promise<ListedConversation[]> {
    const query = new ListQuery(userId, order);
    query.filter(filter, found);
    query.within(range);
    const page = query.page(limit, filter.pinned !== undefined);
    return this.db.query(
      `${query.with}SELECT c.*, r.id AS running_id, r.status AS running_status, r.model AS running_model, m.id AS last_id, m.role AS last_role,
         left(jsonb_path_query_first(m.parts, '$[*] ? (@.type == "text").text') #>> '{}', ${TEXT_LENGTH}) AS last_text,
         m.created_at AS last_at
       FROM (${page}) c
       LEFT JOIN open_replies o ON o.conversation_id = c.id AND o.user_id = c.user_id
       LEFT JOIN LATERAL (
         SELECT q.id, q.user_id FROM messages q
         WHERE q.conversation_id = c.id AND q.user_id = c.user_id AND ${isQueued('q')} ORDER BY q.sequence LIMIT 1
       ) w ON o.message_id IS NULL
       LEFT JOIN messages r ON r.id = coalesce(o.message_id, w.id) AND r.user_id = c.user_id
       LEFT JOIN messages m ON m.id = c.active_leaf_id AND m.user_id = c.user_id
       ORDER BY ${query.sort} LIMIT ${limit}`,
      query.parameters,
    );
  }

  /** The conversation that comes `count` after this position in the same order; undefined if there are not so many. */
  async further(
    userId: string,
    order: ListOrder,
    { archived, pinned }: ConversationFilter,
    { after, count }: { after: ConversationPosition | undefined; count: number },
  ): Promise<ConversationPosition | undefined> {
    const query = new ListQuery(userId, order);
    query.filter({ archived, pinned });
    query.within({ after });
    const rows = await this.db.query<Pick<Conversation, 'pinned' | 'last_activity_at' | 'id'>>(
      `SELECT c.pinned, c.last_activity_at, c.id FROM (${query.page(count, pinned !== undefined)}) c
       ORDER BY ${query.sort} OFFSET ${count - 1} LIMIT 1`,
      query.parameters,
    );
    return rows.at(0) && positionOf(rows[0]);
  }
}

export function positionOf({
  pinned,
  last_activity_at,
  id,
}: Pick<Conversation, 'pinned' | 'last_activity_at' | 'id'>): ConversationPosition {
  return { pinned, last_activity_at: last_activity_at.toISOString(), id };
}

/** Conditions on conversations `c` of a user, and their parameters. */
class ListQuery {
  readonly parameters: unknown[];
  /** Beginning of the statement: a `WITH` clause, or empty. */
  with = '';
  private readonly conditions = ['c.user_id = $1', 'c.deleted_at IS NULL'];

  constructor(
    private readonly userId: string,
    private readonly order: ListOrder,
  ) {
    this.parameters = [userId];
  }

  get sort(): string {
    return COLUMNS[this.order].map((column) => `c.${column} DESC`).join(', ');
  }

  filter(
    { archived, q, pinned, running, unread, model, metadata }: ConversationFilter,
    found?: FoundConversations,
  ): void {
    this.where(archived, (value) => `c.archived = ${value}`);
    this.where(pinned, (value) => `c.pinned = ${value}`);
    this.where(unread, (value) => `c.unread = ${value}`);
    this.where(model, (value) => `c.model = ${value}`);
    this.where(q && containing(q), (value) =>
      found ? `(c.title ILIKE ${value} OR ${this.isFound(found)})` : `c.title ILIKE ${value}`,
    );
    this.where(metadata && JSON.stringify(metadata), (value) => `c.metadata @> ${value}::jsonb`);
    if (running !== undefined) this.conditions.push(`${running ? '' : 'NOT '}c.id = ANY(${BUSY})`);
  }

  private isFound(found: FoundConversations): string {
    if ('ids' in found) return `c.id = ANY(${this.add(found.ids)})`;
    this.with = `WITH ${KNOWN} `;
    const partition = this.add(partitionOf(this.userId));
    return isFoundIn(`${partition}::text`, `${this.add(tsqueryOf(found.query, [SOME_CONVERSATION]))}::text`);
  }

  within({ after, until }: ListRange): void {
    const columns = COLUMNS[this.order];
    const row = `(${columns.map((column) => `c.${column}`).join(', ')})`;
    for (const [position, comparison] of [[after, '<'] as const, [until, '>='] as const])
      if (position)
        this.conditions.push(
          `${row} ${comparison} (${columns.map((name) => this.add(position[name])).join(', ')})`,
        );
  }

  /** Subquery of a page. By activity alone it reads two ranges of the index, pinned conversations and others, unless the filter keeps only one. */
  page(limit: number, isOneRange: boolean): string {
    const range = (...more: string[]) =>
      `SELECT c.* FROM conversations c WHERE ${[...this.conditions, ...more].join(' AND ')} ORDER BY ${this.sort} LIMIT ${limit}`;
    if (this.order === 'pinned' || isOneRange) return range();
    return `(${range('c.pinned')}) UNION ALL (${range('NOT c.pinned')})`;
  }

  private where(value: string | boolean | undefined, condition: (parameter: string) => string): void {
    if (value !== undefined) this.conditions.push(condition(this.add(value)));
  }

  private add(value: unknown): string {
    return `$${this.parameters.push(value)}`;
  }
}

/** A LIKE pattern in which the caller's wildcards stand for themselves. */
function containing(text: string): string {
  return `%${text.replace(/[\\%_]/g, '\\$&')}%`;
}
