import { Injectable, Logger, type OnApplicationBootstrap } from '@nestjs/common';
import { ReplaySubject, Subject, type Observable } from 'rxjs';
import { DatabaseState } from '../database/database-state';
import { AppError } from '../errors/app-error';
import { NoopObserver, Observer } from '../observability/observer';
import { ProcessIdentity } from '../observability/process-identity';
import { InstancesRepository } from './instances.repository';

const RENEW_MS = 5_000;
const RETRY_MS = 1_000;
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
  private readonly ids = new ReplaySubject<string>(1);
  private current: string | undefined;
  private timer: NodeJS.Timeout | undefined;
  private keeping: Promise<unknown> = Promise.resolve();
  private left = false;
  private lone = false;

  constructor(
    private readonly instances: InstancesRepository,
    private readonly database: DatabaseState,
    private readonly observer: Observer = new NoopObserver(),
    private readonly identity: ProcessIdentity = new ProcessIdentity(),
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

  /** Emits the id of this process, and each further one that it gets after a loss. */
  get id$(): Observable<string> {
    return this.ids;
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

  /** Processes whose lease has run out. This one never is: where nobody has taken over while the database was away, it goes on. */
  expired(): Promise<string[]> {
    return this.instances.expired(this.current);
  }

  /** Takes over from a process that is gone: nothing is written under its id afterwards. False if it is not gone, or somebody else has. */
  takeOver(id: string): Promise<boolean> {
    return this.instances.expire(id);
  }

  /** Whether the process may write: nobody has taken over from it, and it has not left. */
  isRegistered(id: string): Promise<boolean> {
    return this.instances.isRegistered(id);
  }

  /** The process ends, and has no open replies any more. */
  async leave(): Promise<void> {
    this.left = true;
    clearTimeout(this.timer);
    await this.keeping;
    if (this.current) await this.instances.remove(this.current).catch(() => undefined);
  }

  /** Renewals follow one another: a slow one is not overtaken by the next, so there is never more than one registration. */
  private async begin(): Promise<void> {
    const kept = this.keep();
    this.keeping = kept;
    const waitMs = (await kept) ? RENEW_MS : RETRY_MS;
    if (!this.left) this.timer = setTimeout(() => void this.begin(), waitMs);
  }

  /** False if it failed. Never throws. */
  private async keep(): Promise<boolean> {
    try {
      const kept = this.current && (await this.instances.renew(this.current, LEASE_MS));
      if (this.current && !kept) this.lose();
      if (!kept) await this.register();
      this.lone = this.database.exclusive || (await this.instances.isAlone(this.id));
      return true;
    } catch (error) {
      this.logger.warn({ err: error }, 'The lease of this process could not be renewed');
      return false;
    }
  }

  private lose(): void {
    this.logger.error('The lease of this process ran out; its replies were closed by another one');
    this.current = undefined;
    this.observer.leaseLost();
    this.losses.next();
  }

  /** Under a new id each time: what was left under an earlier one belongs to whoever closes it. */
  private async register(): Promise<void> {
    // Whoever was here before this process is gone, without waiting for a lease to run out.
    if (this.database.exclusive) await this.instances.expireAll();
    const id = this.identity.takeId();
    await this.instances.register(id, LEASE_MS);
    this.current = id;
    this.registration.resolve();
    this.ids.next(id);
  }
}
