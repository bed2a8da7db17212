import { Injectable, Logger, type OnApplicationBootstrap } from '@nestjs/common';
import { Subject, type Observable } from 'rxjs';
import { v7 as uuidv7 } from 'uuid';
import { DatabaseState } from '../database/database-state';
import { AppError } from '../errors/app-error';
import { InstancesRepository } from './instances.repository';

const RENEW_MS = 5_000;
const LEASE_MS = 15_000;

export const leaseLost = (cause?: unknown) =>
  new AppError(
    'unavailable',
    'lease_lost',
    'This process is not known to the database at the moment; try again.',
    {
      cause,
      retryAfterS: 1,
    },
  );

/** This process as the others know it: alive while its lease is renewed. */
@Injectable()
export class InstanceService implements OnApplicationBootstrap {
  private readonly logger = new Logger(InstanceService.name);
  private readonly losses = new Subject<void>();
  private readonly registration = Promise.withResolvers<void>();
  private current: string | undefined;
  private timer: NodeJS.Timeout | undefined;
  private lone = false;

  constructor(
    private readonly instances: InstancesRepository,
    private readonly database: DatabaseState,
  ) {}

  /** @throws AppError `lease_lost` while the database does not know this process */
  get id(): string {
    if (!this.current) throw leaseLost();
    return this.current;
  }

  /** Whether this is the process's own id. */
  is(id: string): boolean {
    return this.current === id;
  }

  /** No other process was known a few seconds ago, so what others did need not be looked for often. */
  get alone(): boolean {
    return this.lone;
  }

  /** Resolves when the database knows this process. */
  get registered(): Promise<void> {
    return this.registration.promise;
  }

  /** Emits when others have taken this process for dead and closed its replies. */
  get lost(): Observable<void> {
    return this.losses;
  }

  /** Holds up the start where the database is there, so that the first request finds all in place. */
  async onApplicationBootstrap(): Promise<void> {
    const began = this.database.whenReady().then(() => this.begin());
    if (this.database.ready) await began;
  }

  /**
   * Processes that are gone, which nobody else may take over until the transaction around this call ends. This one never is:
   * where the database was away for longer than the lease, and nobody has taken over, it goes on.
   */
  lockExpired(): Promise<string[]> {
    return this.instances.lockExpired(this.current);
  }

  forget(ids: string[]): Promise<void> {
    return this.instances.remove(ids);
  }

  /** The process ends, and has no open replies any more. */
  async leave(): Promise<void> {
    clearInterval(this.timer);
    if (this.current) await this.instances.remove([this.current]).catch(() => undefined);
  }

  private async begin(): Promise<void> {
    this.timer = setInterval(() => void this.keep(), RENEW_MS);
    await this.keep();
  }

  /** Never throws: what fails is tried again at the next turn. */
  private async keep(): Promise<void> {
    try {
      const kept = this.current && (await this.instances.renew(this.current, LEASE_MS));
      if (this.current && !kept) this.lose();
      if (!kept) await this.register();
      this.lone = this.database.exclusive || (await this.instances.isAlone(this.id));
    } catch (error) {
      this.logger.warn({ err: error }, 'The lease of this process could not be renewed');
    }
  }

  private lose(): void {
    this.logger.error('The lease of this process ran out; its replies were closed by another one');
    this.current = undefined;
    this.losses.next();
  }

  /** Under a new id each time: what was left under an earlier one belongs to whoever closes it. */
  private async register(): Promise<void> {
    // Whoever was here before this process is gone, without waiting for a lease to run out.
    if (this.database.exclusive) await this.instances.expireAll();
    const id = uuidv7();
    await this.instances.register(id, LEASE_MS);
    this.current = id;
    this.registration.resolve();
  }
}
