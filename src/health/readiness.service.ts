import { Injectable } from '@nestjs/common';
import { DatabaseState } from '../database/database-state';
import { AppError } from '../errors/app-error';
import { Draining } from '../http/draining';

const RETRY_AFTER_S = 5;

export const notReady = () =>
  new AppError('unavailable', 'not_ready', 'The service is not ready.', { retryAfterS: RETRY_AFTER_S });

@Injectable()
export class ReadinessService {
  constructor(
    private readonly database: DatabaseState,
    private readonly draining: Draining,
  ) {}

  /** @throws {AppError} 503 while the service should get no requests; why is nobody's business outside */
  async assertReady(): Promise<void> {
    this.draining.assertOpen();
    if (await this.database.check()) return;
    throw notReady();
  }
}
