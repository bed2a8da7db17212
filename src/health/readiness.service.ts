import { Injectable } from '@nestjs/common';
import { HTTP_BOUNDS } from '../config/bounds';
import { storageFull } from '../database/database-error';
import { DatabaseState } from '../database/database-state';
import { StorageWatch } from '../database/storage-watch';
import { AppError } from '../errors/app-error';
import { Draining } from '../http/draining';

const RETRY_AFTER_S = 5;
const { readinessMs } = HTTP_BOUNDS;

export const notReady = () =>
  new AppError('unavailable', 'not_ready', 'The service is not ready.', { retryAfterS: RETRY_AFTER_S });

@Injectable()
export class ReadinessService {
  private looked = -Infinity;
  private isUsable = Promise.resolve(false);

  constructor(
    private readonly database: DatabaseState,
    private readonly storage: StorageWatch,
    private readonly draining: Draining,
  ) {}

  /** @throws {AppError} 503 while the service should get no requests: `draining`, `storage_full`, or `not_ready`, of which the log says why */
  async assertReady(): Promise<void> {
    this.draining.assertOpen();
    if (!(await this.databaseIsUsable())) throw notReady();
    if (this.storage.full) throw storageFull();
  }

  /** Anybody may ask as often as they like: the database is asked once a second at most. */
  private databaseIsUsable(): Promise<boolean> {
    const now = performance.now();
    if (now - this.looked >= readinessMs.limit) {
      this.looked = now;
      this.isUsable = this.database.check();
    }
    return this.isUsable;
  }
}
