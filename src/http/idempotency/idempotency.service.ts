import { Injectable, Logger, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common';
import { TransactionRunner } from '../../database/transaction-runner';
import { IdempotencyRepository } from './idempotency.repository';
import { keyReused, type IdempotentRequest } from './idempotent-request';

const KEPT_HOURS = 48;
const SWEEP_MS = 3_600_000;

@Injectable()
export class IdempotencyService implements OnApplicationBootstrap, OnModuleDestroy {
  private readonly logger = new Logger(IdempotencyService.name);
  private timer: NodeJS.Timeout | undefined;

  constructor(
    private readonly db: TransactionRunner,
    private readonly keys: IdempotencyRepository,
  ) {}

  onApplicationBootstrap(): void {
    this.timer = setInterval(() => void this.sweep(), SWEEP_MS).unref();
  }

  onModuleDestroy(): void {
    clearInterval(this.timer);
  }

  /**
   * Does the work once for a key: in one transaction with the record of it, so that there is never one without the other. A
   * repetition gets what the first one led to, as JSON; work that throws leaves the key free.
   * Without a request it is just done.
   * @throws AppError `idempotency_key_reused` for another request with the same key
   */
  once<T extends object>(request: IdempotentRequest | undefined, work: () => Promise<T>): Promise<Once<T>> {
    if (!request) return work().then((result) => ({ result, repeated: false }));
    return this.db.run(async () => {
      if (!(await this.keys.claim(request))) return this.repeat<T>(request);
      const result = await work();
      await this.keys.complete(request, result);
      return { result, repeated: false };
    });
  }

  private async repeat<T>(request: IdempotentRequest): Promise<Once<T>> {
    const earlier = await this.keys.find(request);
    if (!earlier.request_hash.equals(request.hash)) throw keyReused();
    return { result: earlier.result as T, repeated: true };
  }

  private async sweep(): Promise<void> {
    await this.keys.forgetOlderThan(KEPT_HOURS).catch((error: unknown) => {
      this.logger.warn({ err: error }, 'Old idempotency keys could not be forgotten; later');
    });
  }
}

export interface Once<T> {
  result: T;
  /** Nothing was done: this is what was done before. */
  repeated: boolean;
}
