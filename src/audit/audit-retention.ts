import { Injectable } from '@nestjs/common';
import { removeInSlices } from '../common/remove-in-slices';
import { AppConfig } from '../config/app-config';
import { STORAGE_BOUNDS } from '../config/bounds';
import { AuditRepository } from './audit.repository';

const SLICE = STORAGE_BOUNDS.auditSlice.limit;

/** Deletes what was recorded longer ago than `AUDIT_RETENTION_DAYS`, a little at a time. A job of `jobs/` calls it, once for all processes. */
@Injectable()
export class AuditRetention {
  private readonly days: number;

  constructor(
    config: AppConfig,
    private readonly events: AuditRepository,
  ) {
    this.days = config.audit.retentionDays;
  }

  /** How many records were deleted. */
  async sweep(signal?: AbortSignal): Promise<number> {
    if (this.days === 0) return 0;
    return removeInSlices(SLICE, (limit) => this.events.deleteOlderThan(this.days, limit), signal);
  }
}
