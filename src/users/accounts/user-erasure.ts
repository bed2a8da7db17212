import { Injectable, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common';
import { randomUUID } from 'node:crypto';
import { AuditService } from '../../audit/audit.service';
import type { RequestOrigin } from '../../audit/request-origin.decorator';
import { STORAGE_BOUNDS } from '../../config/bounds';
import { DatabaseState } from '../../database/database-state';
import { SlicedWork, SliceSize } from '../../database/sliced-work';
import { TransactionRunner } from '../../database/transaction-runner';
import { UserData } from '../user-data';
import { UsersService } from '../users.service';

/**
 * Erases users, a slice at a time. The first transaction lets nobody in any more; the last one removes the user. In between the row of the
 * user says that it is going on, and is what those who do it take turns by.
 */
@Injectable()
export class UserErasure implements OnApplicationBootstrap, OnModuleDestroy {
  private readonly work = new SlicedWork({ name: 'erased users', slice: (rows) => this.continue(rows) });

  constructor(
    private readonly users: UsersService,
    private readonly data: UserData,
    private readonly audit: AuditService,
    private readonly db: TransactionRunner,
    private readonly database: DatabaseState,
  ) {}

  onApplicationBootstrap(): void {
    void this.database.whenReady().then(() => this.work.begin());
  }

  onModuleDestroy(): Promise<void> {
    return this.work.end();
  }

  /**
   * Whether nothing of the user is left; if not, the rest goes in the background.
   * @throws {AppError} `user_not_found`, `last_admin`
   */
  async run(id: string, actorId: string, origin: RequestOrigin): Promise<boolean> {
    const size = new SliceSize();
    const end = performance.now() + STORAGE_BOUNDS.erasureInRequest.limit;
    let gone = await size.of((rows) => this.begin(id, rows, { actorId, origin }));
    while (!gone && performance.now() < end) gone = await size.of((rows) => this.next(id, rows));
    if (!gone) this.work.wake();
    return gone;
  }

  private begin(id: string, rows: number, by: { actorId: string; origin: RequestOrigin }): Promise<boolean> {
    const recordName = `deleted:${randomUUID()}`;
    return this.users.beginErasure(id, recordName, async (user) => {
      const isFirst = user.erased_as === recordName;
      if (isFirst) await this.audit.record({ action: 'user.deleted', userId: id, ...by });
      return this.slice(user, rows);
    });
  }

  private next(id: string, rows: number): Promise<boolean> {
    return this.db.run(async () => {
      const user = await this.users.lockErased(id);
      return !user || this.slice(user, rows);
    });
  }

  /** Whoever is there to be erased, in whichever process that was begun. */
  private continue(rows: number): Promise<boolean> {
    return this.db.run(async () => {
      const user = await this.users.lockErased();
      if (user) await this.slice(user, rows);
      return user !== undefined;
    });
  }

  private async slice({ id, erased_as }: { id: string; erased_as: string }, rows: number): Promise<boolean> {
    const gone = (await this.data.erase(id, rows)) && (await this.audit.forget(id, erased_as, rows)) < rows;
    if (gone) await this.users.endErasure(id);
    return gone;
  }
}
