import { Injectable, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common';
import { RepeatedTask } from '../common/repeated-task';
import { removeInSlices } from '../common/remove-in-slices';
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
  private readonly days: number;
  private readonly sweeps = new RepeatedTask({
    failure: 'Old records of the audit could not be deleted; later',
    firstMs: FIRST_MS,
    everyMs: SWEEP_MS,
    run: (signal) => this.sweep(signal),
  });

  constructor(
    config: AppConfig,
    private readonly events: AuditRepository,
    private readonly database: DatabaseState,
  ) {
    this.days = config.audit.retentionDays;
  }

  onApplicationBootstrap(): void {
    if (this.days > 0) void this.database.whenReady().then(() => this.sweeps.begin());
  }

  onModuleDestroy(): void {
    this.sweeps.end();
  }

  /** How many records were deleted. */
  async sweep(signal?: AbortSignal): Promise<number> {
    if (this.days === 0) return 0;
    return removeInSlices(SLICE, (limit) => this.events.deleteOlderThan(this.days, limit), signal);
  }
}
