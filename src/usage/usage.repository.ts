import { Injectable } from '@nestjs/common';
import { removingEntries } from '../search/index/entries';
import { STORAGE_BOUNDS } from '../config/bounds';
import { TransactionRunner } from '../database/transaction-runner';
import type {
  PastUsageRow,
  QuotaState,
  UsageGroup,
  UsageKind,
  UsagePeriod,
  UsageRow,
  UsedTokens,
} from './usage.types';

const COUNTS = ['input_tokens', 'output_tokens', 'reasoning_tokens', 'cached_input_tokens'] as const;
const tokenOf = (name: string) => `COALESCE((m.usage->>'${name}')::bigint, 0)`;
/** Columns for the part of a count that is by models of the user's own. */
const OWN = { own_input_tokens: 'input_tokens', own_output_tokens: 'output_tokens' } as const;
const ownOf = (name: string) => `CASE WHEN m.usage ? 'own' THEN ${tokenOf(name)} ELSE 0 END`;
const ALL_COUNTS = [...COUNTS, ...Object.keys(OWN)];
/** States of a reply in which the tokens that were set aside count. */
const OPEN = `('queued', 'streaming')`;
const USAGE_GROUPS = STORAGE_BOUNDS.usageGroups.limit;

const SUMS = ['replies', ...ALL_COUNTS].map((name) => `sum(${name})::float8 AS ${name}`).join(', ');

/** SQL that adds new counts to those of an existing row. */
const ADDED = ['replies', ...ALL_COUNTS].map((name) => `${name} = p.${name} + excluded.${name}`).join(', ');

/** SQL that keeps the usage of replies that are being removed. A running one counts with the tokens that were set aside for it. */
const keeping = (
  rows: string,
  which: string,
) => `INSERT INTO past_usage AS p (user_id, day, model, kind, replies, ${ALL_COUNTS.join(', ')})
         SELECT m.user_id, (m.created_at AT TIME ZONE 'UTC')::date, COALESCE(m.model, ''), 'reply', count(*),
           sum(CASE WHEN m.status = 'streaming' THEN COALESCE(m.reserved_tokens, 0) ELSE ${tokenOf('input_tokens')} END),
           ${[...COUNTS.slice(1).map(tokenOf), ...Object.values(OWN).map(ownOf)].map((count) => `sum(${count})`).join(', ')}
         FROM ${rows}
         WHERE ${which} AND m.role = 'assistant' AND (m.usage IS NOT NULL OR m.status = 'streaming')
         GROUP BY 1, 2, 3
         ON CONFLICT (user_id, day, model, kind) DO UPDATE SET ${ADDED}`;

/** Usage, summed over the messages themselves, so that no second account can differ from them, and over `past_usage`. */
@Injectable()
export class UsageRepository {
  constructor(private readonly db: TransactionRunner) {}

  /**
   * Usage of the user's ended replies, and past usage, by group, kind and model, in the order of the groups. If there are more groups than the
   * bound, those with the last keys are kept, which are the newest days or conversations; the others are summed as `rest`.
   */
  sum(userId: string, { from, to, kind }: UsagePeriod, group: UsageGroup): Promise<UsageRow[]> {
    const [live, past] = KEYS[group];
    return this.db.query(
      `SELECT CASE WHEN NOT rest THEN key END AS key, rest, kind, model, ${SUMS} FROM (
       SELECT *, dense_rank() OVER (ORDER BY key DESC NULLS FIRST) > ${USAGE_GROUPS} AS rest FROM (
       SELECT key, kind, model, ${SUMS} FROM (
         SELECT ${live} AS key, 'reply' AS kind, COALESCE(m.model, '') AS model, 1 AS replies,
           ${COUNTS.map((name) => `${tokenOf(name)} AS ${name}`).join(', ')},
           ${Object.entries(OWN)
             .map(([name, of]) => `${ownOf(of)} AS ${name}`)
             .join(', ')}
         FROM messages m
         WHERE m.user_id = $1 AND m.role = 'assistant' AND m.usage IS NOT NULL
           AND m.created_at >= $2::date::timestamp AT TIME ZONE 'UTC'
           AND m.created_at < ($3::date + 1)::timestamp AT TIME ZONE 'UTC'
         UNION ALL
         SELECT ${past}, p.kind, p.model, p.replies, ${ALL_COUNTS.map((name) => `p.${name}`).join(', ')}
         FROM past_usage p WHERE p.user_id = $1 AND p.day BETWEEN $2::date AND $3::date
       ) AS used WHERE $4::text IS NULL OR kind = $4 GROUP BY key, kind, model
       ) AS summed ) AS ranked GROUP BY 1, rest, kind, model ORDER BY 1`,
      [userId, from, to, kind ?? null],
    );
  }

  /** Past usage by day, model and kind. */
  past(userId: string): Promise<PastUsageRow[]> {
    return this.db.query(
      `SELECT day::text, model, kind, ${['replies', ...ALL_COUNTS].map((name) => `${name}::float8`).join(', ')}
       FROM past_usage WHERE user_id = $1 ORDER BY day, model, kind`,
      [userId],
    );
  }

  /**
   * Removes at most `limit` messages of locked conversations, the newest of each first, and keeps their usage if the user stays: in the same
   * statement, so that none is counted twice or not at all. A running reply counts with the tokens that were set aside for it. Answers the number
   * of messages.
   */
  async remove(
    userId: string,
    conversationIds: string[],
    limit: number,
    userStays: boolean,
  ): Promise<number> {
    const rows: { count: number }[] = await this.db.query(
      `WITH gone AS (
         DELETE FROM messages WHERE user_id = $1 AND id IN (
           SELECT m.id FROM unnest($2::uuid[]) AS c (id) CROSS JOIN LATERAL (
             SELECT id FROM messages WHERE conversation_id = c.id AND user_id = $1 ORDER BY sequence DESC LIMIT $3
           ) AS m LIMIT $3
         ) RETURNING id, user_id, role, status, model, usage, reserved_tokens, created_at
       ), ${removingEntries('$1', 'gone')}, kept AS (
         ${keeping('gone m', '$4')}
       )
       SELECT count(*)::int AS count FROM gone`,
      [userId, conversationIds, limit, userStays],
    );
    return rows[0].count;
  }

  /** Keeps the usage of these messages, which the same transaction removes next. Frees no stored bytes. */
  async removeOf(userId: string, messageIds: string[]): Promise<number> {
    await this.db.query(keeping('messages m', 'm.user_id = $1 AND m.id = ANY($2)'), [userId, messageIds]);
    return 0;
  }

  /** Adds usage of today that no message has: its tokens count, but not as a reply. */
  async add(userId: string, kind: UsageKind, { model, usage }: UsedTokens): Promise<void> {
    const counts = COUNTS.map((name) => usage[name] ?? 0);
    const own = Object.values(OWN).map((name) => (usage.own ? (usage[name] ?? 0) : 0));
    await this.db.query(
      `INSERT INTO past_usage AS p (user_id, day, model, kind, replies, ${ALL_COUNTS.join(', ')})
       VALUES ($1, (now() AT TIME ZONE 'UTC')::date, $2, $3, 0, $4, $5, $6, $7, $8, $9)
       ON CONFLICT (user_id, day, model, kind) DO UPDATE SET ${ADDED}`,
      [userId, model, kind, ...counts, ...own],
    );
  }

  /** Removes at most `limit` rows of past usage; answers their number. */
  async erasePast(userId: string, limit: number): Promise<number> {
    const rows = await this.db.query(
      `DELETE FROM past_usage WHERE user_id = $1 AND (day, model, kind) IN (
         SELECT day, model, kind FROM past_usage WHERE user_id = $1 LIMIT $2
       ) RETURNING 1 AS one`,
      [userId, limit],
    );
    return rows.length;
  }

  /** State of the user's quotas before a turn in this conversation, if one is given. */
  async state(userId: string, conversationId?: string, contextFrom?: number): Promise<QuotaState> {
    const rows: QuotaState[] = await this.db.query(
      `WITH today AS (SELECT date_trunc('day', now() AT TIME ZONE 'UTC') AS began)
       SELECT
         (SELECT count(DISTINCT m.conversation_id)::int FROM messages m
          WHERE m.user_id = $1 AND m.role = 'assistant' AND m.status IN ${OPEN}
            AND m.created_at > now() - interval '1 day' AND m.conversation_id IS DISTINCT FROM $2) AS open,
         (SELECT COALESCE(sum(CASE WHEN m.status IN ${OPEN} THEN COALESCE(m.reserved_tokens, 0)
                   ELSE ${tokenOf('input_tokens')} + ${tokenOf('output_tokens')} END), 0)::float8
          FROM messages m
          WHERE m.user_id = $1 AND m.role = 'assistant' AND m.created_at >= today.began AT TIME ZONE 'UTC')
         + (SELECT COALESCE(sum(p.input_tokens + p.output_tokens), 0)::float8
            FROM past_usage p WHERE p.user_id = $1 AND p.day = today.began::date) AS tokens,
         (SELECT COALESCE(sum(m.tokens + CASE WHEN m.status IN ${OPEN} THEN COALESCE(m.reserved_tokens, 0) ELSE 0 END), 0)::float8
          FROM messages m WHERE m.user_id = $1 AND m.conversation_id = $2 AND m.sequence > $3) AS earlier,
         ceil(extract(epoch FROM today.began + interval '1 day' - (now() AT TIME ZONE 'UTC')))::int AS seconds_left
       FROM today`,
      [userId, conversationId ?? null, contextFrom ?? 0],
    );
    return rows[0];
  }
}

const KEYS: Record<UsageGroup, [live: string, past: string]> = {
  day: [`to_char(m.created_at AT TIME ZONE 'UTC', 'YYYY-MM-DD')`, `to_char(p.day, 'YYYY-MM-DD')`],
  model: [`COALESCE(m.model, '')`, 'p.model'],
  conversation: ['m.conversation_id::text', 'NULL'],
  kind: [`'reply'`, 'p.kind'],
};
