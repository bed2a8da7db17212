import { Injectable, Logger, type OnApplicationBootstrap } from '@nestjs/common';
import { Subject, type Observable } from 'rxjs';
import { v7 as uuidv7 } from 'uuid';
import { DatabaseState } from '../database/database-state';
import { InstancesRepository } from './instances.repository';

const RENEW_MS = 5_000;
const LEASE_MS = 15_000;

/** This process as the others know it: alive while its lease is renewed. */
@Injectable()
export class InstanceService implements OnApplicationBootstrap {
  readonly id = uuidv7();
  private readonly logger = new Logger(InstanceService.name);
  private readonly losses = new Subject<void>();
  private timer: NodeJS.Timeout | undefined;

  constructor(
    private readonly instances: InstancesRepository,
    private readonly database: DatabaseState,
  ) {}

  /** Emits when others have taken this process for dead and closed its replies. */
  get lost(): Observable<void> {
    return this.losses;
  }

  onApplicationBootstrap(): void {
    void this.database.whenReady().then(() => this.begin());
  }

  /** Processes whose lease has run out. Their replies are to be closed, then they are to be forgotten. */
  expired(): Promise<string[]> {
    return this.instances.expired();
  }

  forget(ids: string[]): Promise<void> {
    return this.instances.remove(ids);
  }

  /** The process ends, and has no open replies any more. */
  async leave(): Promise<void> {
    clearInterval(this.timer);
    if (this.timer) await this.instances.remove([this.id]).catch(() => undefined);
  }

  private async begin(): Promise<void> {
    // Whoever was here before this process is gone, without waiting for a lease to run out.
    if (this.database.exclusive) await this.instances.expireAll();
    await this.instances.register(this.id, LEASE_MS);
    this.timer = setInterval(() => void this.renew(), RENEW_MS);
  }

  private async renew(): Promise<void> {
    try {
      if (await this.instances.renew(this.id, LEASE_MS)) return;
      this.logger.error('The lease of this process ran out; its replies were closed by another one');
      this.losses.next();
      await this.instances.register(this.id, LEASE_MS);
    } catch (error) {
      this.logger.warn({ err: error }, 'The lease of this process could not be renewed');
    }
  }
}
