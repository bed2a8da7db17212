import { Injectable, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common';
import { removeInSlices } from '../common/remove-in-slices';
import { RepeatedTask } from '../common/repeated-task';
import { STORAGE_BOUNDS } from '../config/bounds';
import { DatabaseState } from '../database/database-state';
import { UserEventsRepository } from './user-events.repository';

const FIRST_MS = 60_000;
const SWEEP_MS = 600_000;

/** Deletes events of users that are too old to be resumed from, a slice at a time. */
@Injectable()
export class UserEventRetention implements OnApplicationBootstrap, OnModuleDestroy {
  private readonly sweeps = new RepeatedTask({
    failure: 'Old events of users could not be deleted; later',
    firstMs: FIRST_MS,
    everyMs: SWEEP_MS,
    run: (signal) => this.sweep(signal),
  });

  constructor(
    private readonly events: UserEventsRepository,
    private readonly database: DatabaseState,
  ) {}

  onApplicationBootstrap(): void {
    void this.database.whenReady().then(() => this.sweeps.begin());
  }

  onModuleDestroy(): void {
    this.sweeps.end();
  }

  /** Deletes old rows; answers their number. */
  async sweep(signal?: AbortSignal): Promise<number> {
    const { userEventRetention, userEventSlice } = STORAGE_BOUNDS;
    const remove = (limit: number) => this.events.deleteOlderThan(userEventRetention.limit, limit);
    return removeInSlices(userEventSlice.limit, remove, signal);
  }
}
