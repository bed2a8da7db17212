import { Injectable, Logger, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common';
import { AppConfig } from '../config/app-config';
import { STORAGE_BOUNDS } from '../config/bounds';
import { DatabaseState } from '../database/database-state';
import { AuditRepository } from './audit.repository';

const FIRST_MS = 60_000;
const SWEEP_MS = 3_600_000;
const SLICE = STORAGE_BOUNDS.auditSlice.limit;

/** Deletes what was recorded longer ago than `AUDIT_RETENTION_DAYS`, a little at a time. */
@Injectable()
export class AuditRetention implements OnApplicationBootstrap, OnModuleDestroy {
  private readonly logger = new Logger(AuditRetention.name);
  private readonly days: number;
  private timer: NodeJS.Timeout | undefined;
  private ended = false;

  constructor(
    config: AppConfig,
    private readonly events: AuditRepository,
    private readonly database: DatabaseState,
  ) {
    this.days = config.audit.retentionDays;
  }

  onApplicationBootstrap(): void {
    if (this.days > 0) void this.database.whenReady().then(() => this.plan(FIRST_MS));
  }

  onModuleDestroy(): void {
    this.ended = true;
    clearTimeout(this.timer);
  }

  /** How many records were deleted. */
  async sweep(): Promise<number> {
    let deleted = 0;
    for (let slice: number = SLICE; slice === SLICE && this.days > 0 && !this.ended; deleted += slice)
      slice = await this.events.deleteOlderThan(this.days, SLICE);
    return deleted;
  }

  private plan(inMs: number): void {
    if (this.ended) return;
    this.timer = setTimeout(() => void this.sweepAndPlan(), inMs).unref();
  }

  private async sweepAndPlan(): Promise<void> {
    await this.sweep().catch((error: unknown) => {
      this.logger.warn({ err: error }, 'Old records of the audit could not be deleted; later');
    });
    this.plan(SWEEP_MS);
  }
}
