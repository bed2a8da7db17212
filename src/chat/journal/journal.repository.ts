import { Injectable } from '@nestjs/common';
import { LessThan } from 'typeorm';
import { TransactionRunner } from '../../database/transaction-runner';
import { JournalEntity } from './journal.entity';

@Injectable()
export class JournalRepository {
  constructor(private readonly db: TransactionRunner) {}

  private get rows() {
    return this.db.manager.getRepository(JournalEntity);
  }

  /**
   * `durable`: wait until it is on disk. Otherwise it is safe from the end of this process, not from a crash of the
   * database; the setting holds for this statement only, whichever connection it takes.
   */
  async append(instanceId: string, batch: number, payload: string, durable: boolean): Promise<void> {
    const setting = durable ? 'on' : 'off';
    await this.db.query(
      `WITH commit AS (SELECT set_config('synchronous_commit', '${setting}', true))
       INSERT INTO reply_journal (instance_id, batch, payload) SELECT $1, $2, $3 FROM commit`,
      [instanceId, batch, payload],
    );
  }

  /** The process's batches after one, in order. */
  read(instanceId: string, after = 0): Promise<JournalEntity[]> {
    return this.rows
      .createQueryBuilder('j')
      .where('j.instance_id = :instanceId AND j.batch > :after', { instanceId, after })
      .orderBy('j.batch')
      .getMany();
  }

  async dropBefore(instanceId: string, batch: number): Promise<void> {
    await this.rows.delete({ instance_id: instanceId, batch: LessThan(batch) });
  }
}
