import { Injectable } from '@nestjs/common';
import { TransactionRunner } from '../database/transaction-runner';
import type { Standing } from '../llm/slots/slot-pool';
import type { WaitingForModel } from './message.types';
import { isQueued } from './turns.repository';

/** Standing of a user with one model. */
export type ModelStanding = Standing & { model: string };

/**
 * Replies that could start if their models (`$1`) had a free slot, each with its place: first those of the user with the fewest running
 * replies of the model (each earlier waiting reply of the user counts as one), then of the user who got a slot longest ago, then the oldest
 * (`SlotPool` has the same order). `$2` and `$3` are the running replies and the last slots of users, by `standingKey`. There may be ten
 * thousand rows, of which the planner expects a few: so it is given nothing that it could join row by row. Queued replies of users who are
 * locked out are cancelled by the sweep of `TurnQueue`; those of a deleted conversation are removed with it.
 */
const PLACES = `WITH first AS (
    SELECT DISTINCT ON (q.conversation_id, q.user_id) q.id, q.conversation_id, q.user_id, q.model, q.created_at
    FROM messages q WHERE ${isQueued('q')} ORDER BY q.conversation_id, q.user_id, q.sequence
  ), ready AS (
    SELECT f.*, row_number() OVER (PARTITION BY f.model, f.user_id ORDER BY f.created_at, f.id)
        + COALESCE(($2::jsonb ->> (f.model || ' ' || f.user_id))::int, 0) AS round,
      COALESCE(($3::jsonb ->> (f.model || ' ' || f.user_id))::float8, 0) AS served
    FROM first f WHERE f.model = ANY($1)
      AND (f.conversation_id, f.user_id) NOT IN (SELECT conversation_id, user_id FROM open_replies)
  ), places AS (
    SELECT *, row_number() OVER (PARTITION BY model ORDER BY round, served, created_at, id)::int AS position FROM ready
  )`;
const NEXT_OF_MODEL = `${PLACES} SELECT id, conversation_id, user_id, created_at FROM places ORDER BY position LIMIT $4`;
const PLACES_OF = `${PLACES} SELECT id, position FROM places WHERE id = ANY($4)`;

/** Replies that wait for a slot of their model. Queries over all users read the index of queued replies, which is bounded. */
@Injectable()
export class SlotQueueRepository {
  constructor(private readonly db: TransactionRunner) {}

  /** Number of replies that wait for this model, of all users and of this one, counted up to a limit. */
  async countWaiting(model: string, userId: string, limit: number): Promise<{ all: number; own: number }> {
    const rows: { all: number; own: number }[] = await this.db.query(
      `SELECT count(*)::int AS all, count(*) FILTER (WHERE counted.user_id = $2)::int AS own FROM (
         SELECT q.user_id FROM messages q WHERE ${isQueued('q')} AND q.model = $1 LIMIT $3
       ) AS counted`,
      [model, userId, limit],
    );
    return rows[0];
  }

  /** The given models that have queued replies. */
  async waitedFor(models: string[]): Promise<string[]> {
    const rows: { model: string }[] = await this.db.query(
      `SELECT DISTINCT q.model FROM messages q WHERE ${isQueued('q')} AND q.model = ANY($1)`,
      [models],
    );
    return rows.map(({ model }) => model);
  }

  /** The replies that come next when slots of a model are free, in order. */
  nextOf(model: string, standings: ModelStanding[], limit: number): Promise<WaitingForModel[]> {
    return this.db.query(NEXT_OF_MODEL, [[model], ...byKey(standings), limit]);
  }

  /** The places of these replies among those that wait for the same model, from 1; none of a reply that waits for another reply. */
  places(
    ids: string[],
    models: string[],
    standings: ModelStanding[],
  ): Promise<{ id: string; position: number }[]> {
    return this.db.query(PLACES_OF, [models, ...byKey(standings), ids]);
  }
}

/** Key of one model and one user: unambiguous, as a model's id has no blank. */
const standingKey = ({ model, user_id }: ModelStanding) => `${model} ${user_id}`;

function byKey(standings: ModelStanding[]): [string, string] {
  const running = standings.map((standing) => [standingKey(standing), standing.running] as const);
  const served = standings.map((standing) => [standingKey(standing), standing.served] as const);
  return [JSON.stringify(Object.fromEntries(running)), JSON.stringify(Object.fromEntries(served))];
}
