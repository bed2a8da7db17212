import { Injectable } from '@nestjs/common';
import { MoreThan } from 'typeorm';
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

  async addressesOf(userId: string, action: string): Promise<string[]> {
    const rows: { address: string }[] = await this.db.query(
      `SELECT address FROM audit_events WHERE subject = $1 AND action = $2 AND address IS NOT NULL
         AND created_at > now() - interval '30 days' GROUP BY address ORDER BY max(created_at) DESC LIMIT 100`,
      [userId, action],
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
