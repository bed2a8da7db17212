import { Injectable } from '@nestjs/common';
import { Not } from 'typeorm';
import { TransactionRunner } from '../database/transaction-runner';
import { InstanceEntity } from './instance.entity';

/** Registrations of processes. Leases are by the database's clock, as the clocks of processes may differ. */
@Injectable()
export class InstancesRepository {
  constructor(private readonly db: TransactionRunner) {}

  private get rows() {
    return this.db.manager.getRepository(InstanceEntity);
  }

  /** Registers a process, with batch 0 of its journal, the fence: without that nothing can be written under this id. */
  async register(id: string, leaseMs: number): Promise<void> {
    await this.db.query(
      `WITH fence AS (INSERT INTO reply_journal (instance_id, batch, payload) VALUES ($1, 0, ''))
       INSERT INTO instances (id, expires_at) VALUES ($1, now() + make_interval(secs => $2))`,
      [id, leaseMs / 1000],
    );
  }

  /** Renews the lease; false if it was lost: another process found it expired and took over. */
  async renew(id: string, leaseMs: number): Promise<boolean> {
    const result = await this.rows.update(
      { id },
      { expires_at: () => `now() + interval '${leaseMs} milliseconds'` },
    );
    return (result.affected ?? 0) > 0;
  }

  /** Whether the database knows no other process. */
  async isAlone(id: string): Promise<boolean> {
    return !(await this.rows.existsBy({ id: Not(id) }));
  }

  async isRegistered(id: string): Promise<boolean> {
    return this.rows.existsBy({ id });
  }

  /** Processes whose lease has run out, except one. */
  async expired(except: string | undefined): Promise<string[]> {
    const rows = await this.db.query<{ id: string }>(
      'SELECT id FROM instances WHERE expires_at < now() AND id IS DISTINCT FROM $1',
      [except ?? null],
    );
    return rows.map(({ id }) => id);
  }

  /**
   * Ends a registration whose lease has run out, with its fence; false if it was renewed, or ended by another process. Waits for
   * transactions that write under it; nothing can be written afterwards.
   */
  async expire(id: string): Promise<boolean> {
    const rows = await this.db.query(
      `WITH expired AS (DELETE FROM instances WHERE id = $1 AND expires_at < now() RETURNING id)
       DELETE FROM reply_journal j USING expired e WHERE j.instance_id = e.id AND j.batch = 0 RETURNING j.instance_id`,
      [id],
    );
    return rows.length > 0;
  }

  async expireAll(): Promise<void> {
    await this.db.query(`UPDATE instances SET expires_at = '-infinity'`);
  }

  /** Ends a registration by its own process, with the fence. One that has open replies stays, until its lease runs out. */
  async remove(id: string): Promise<void> {
    await this.db.query(
      `WITH gone AS (
         DELETE FROM instances WHERE id = $1 AND NOT EXISTS (SELECT 1 FROM open_replies WHERE instance_id = $1) RETURNING id
       )
       DELETE FROM reply_journal j USING gone WHERE j.instance_id = gone.id AND j.batch = 0`,
      [id],
    );
  }
}
