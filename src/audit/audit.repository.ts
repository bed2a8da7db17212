import { Injectable } from '@nestjs/common';
import { MoreThan } from 'typeorm';
import { deleteSlice } from '../database/delete-slice';
import { TransactionRunner } from '../database/transaction-runner';
import { AuditEventEntity } from './audit-event.entity';

@Injectable()
export class AuditRepository {
  constructor(private readonly db: TransactionRunner) {}

  private get rows() {
    return this.db.manager.getRepository(AuditEventEntity);
  }

  async insert(event: AuditEventEntity): Promise<void> {
    await this.rows.insert(event);
  }

  /** What is left of somebody is a name that says nothing. At most `limit` rows; answers how many. */
  async rename(userId: string, name: string, limit: number): Promise<number> {
    let renamed = 0;
    for (const role of ['subject', 'actor']) {
      const rows = await this.db.query(
        `UPDATE audit_events SET ${role} = $2, address = NULL, request_id = NULL
         WHERE ${role} = $1 AND id IN (SELECT id FROM audit_events WHERE ${role} = $1 LIMIT $3) RETURNING 1 AS one`,
        [userId, name, limit - renamed],
      );
      renamed += rows.length;
    }
    return renamed;
  }

  /** How many rows were deleted, `limit` at most. Processes that do so at the same time do not wait for each other. */
  deleteOlderThan(days: number, limit: number): Promise<number> {
    const where = 'created_at < now() - make_interval(days => $1) ORDER BY created_at';
    return deleteSlice(this.db, { table: 'audit_events', key: 'id', where, parameters: [days], limit });
  }

  /** From where the user has logged in within 30 days; null: from where only proxies were to be seen. Of very many, the latest thousand. */
  async loginAddressesOf(userId: string): Promise<(string | null)[]> {
    // The action is not a parameter, so that the index of logins serves it: others' failed attempts make it no slower.
    const rows: { address: string | null }[] = await this.db.query(
      `SELECT DISTINCT address FROM (
         SELECT address FROM audit_events
         WHERE subject = $1 AND action = 'login.succeeded' AND created_at > now() - interval '30 days'
         ORDER BY created_at DESC LIMIT 1000) logins`,
      [userId],
    );
    return rows.map(({ address }) => address);
  }

  /** Oldest first; the ids are made of the time. */
  list(userId: string, afterId: string | undefined, limit: number): Promise<AuditEventEntity[]> {
    return this.rows.find({
      where: { subject: userId, ...(afterId && { id: MoreThan(afterId) }) },
      order: { id: 'ASC' },
      take: limit,
    });
  }
}
