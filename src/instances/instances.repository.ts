import { Injectable } from '@nestjs/common';
import { In, Not } from 'typeorm';
import { TransactionRunner } from '../database/transaction-runner';
import { InstanceEntity } from './instance.entity';

/** The database's clock decides: the clocks of the processes may differ. */
@Injectable()
export class InstancesRepository {
  constructor(private readonly db: TransactionRunner) {}

  private get rows() {
    return this.db.manager.getRepository(InstanceEntity);
  }

  async register(id: string, leaseMs: number): Promise<void> {
    await this.rows
      .createQueryBuilder()
      .insert()
      .values({ id, expires_at: () => `now() + interval '${leaseMs} milliseconds'` })
      .execute();
  }

  /** False if the lease was lost: somebody found it expired and took over. */
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

  /** Those whose lease has run out, kept from everybody else until the transaction ends. Ones that others hold are left out. */
  async lockExpired(except?: string): Promise<string[]> {
    const rows = await this.rows
      .createQueryBuilder('i')
      .where('i.expires_at < now() AND i.id IS DISTINCT FROM :except', { except: except ?? null })
      .setLock('pessimistic_write')
      .setOnLocked('skip_locked')
      .getMany();
    return rows.map((row) => row.id);
  }

  async expireAll(): Promise<void> {
    await this.rows
      .createQueryBuilder()
      .update()
      .set({ expires_at: () => `'-infinity'` })
      .execute();
  }

  async remove(ids: string[]): Promise<void> {
    await this.rows.delete({ id: In(ids) });
  }
}
