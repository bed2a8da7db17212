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

/** Registration of this process, by which others know it: alive while its lease is renewed. */
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

  /** Whether no other process was known a few seconds ago, so that changes by others are polled less often. */
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

  /** Emits when another process has taken this one for dead and closed its replies. */
  get lost(): Observable<void> {
    return this.losses;
  }

  /** Registers the process. If the database is ready, the start waits for that, so that the first request finds a registration. */
  async onApplicationBootstrap(): Promise<void> {
    const began = this.database.whenReady().then(() => this.begin());
    if (this.database.ready) await began;
  }

  /** Processes whose lease has run out, never this one: if no other has taken over while the database was away, it continues. */
  expired(): Promise<string[]> {
    return this.instances.expired(this.current);
  }

  /** Takes over from a process that is gone: nothing is written under its id afterwards. False if it is not gone, or another one took over. */
  takeOver(id: string): Promise<boolean> {
    return this.instances.expire(id);
  }

  /** Whether the process with this id may write: no other has taken over from it, and it has not left. */
  isRegistered(id: string): Promise<boolean> {
    return this.instances.isRegistered(id);
  }

  /** Ends the registration, at the end of the process, when it has no open replies any more. */
  async leave(): Promise<void> {
    this.left = true;
    clearTimeout(this.timer);
    await this.keeping;
    if (this.current) await this.instances.remove(this.current).catch(() => undefined);
  }

  /** Renews the lease repeatedly, one renewal after the other, so that there is never more than one registration. */
  private async begin(): Promise<void> {
    const kept = this.keep();
    this.keeping = kept;
    const waitMs = (await kept) ? RENEW_MS : RETRY_MS;
    if (!this.left) this.timer = setTimeout(() => void this.begin(), waitMs);
  }

  /** Renews the lease, or registers; false if that failed. Never throws. */
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

  /** Registers under a new id each time: replies left under an earlier one are closed by the process that took over. */
  private async register(): Promise<void> {
    // An earlier process on this database is gone for sure, so its lease is ended at once.
    if (this.database.exclusive) await this.instances.expireAll();
    const id = this.identity.takeId();
    await this.instances.register(id, LEASE_MS);
    this.current = id;
    this.registration.resolve();
    this.ids.next(id);
  }
}
