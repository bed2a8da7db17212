import { Injectable } from '@nestjs/common';
import { STORAGE_BOUNDS } from '../../config/bounds';
import { removeInSlices } from '../../common/remove-in-slices';
import { TransactionRunner } from '../../database/transaction-runner';
import { isNotFound } from '../../errors/app-error';
import { IdempotencyRepository } from './idempotency.repository';
import { keyReused, resourceGone, type IdempotentRequest } from './idempotent-request';

const KEPT_HOURS = STORAGE_BOUNDS.idempotencyKeys.limit / 3_600_000;
const SLICE = STORAGE_BOUNDS.rowsOfSlice.limit;

/** A resource, and the HTTP status that tells of it. */
export interface Outcome<T> {
  resource: T;
  status: number;
}

/** How a request makes its resource, and how a repetition of it reads that. */
export interface IdempotentCreation<T> {
  make: () => Promise<Outcome<T>>;
  /** The resource as it is now. @throws {AppError} of the kind `not_found` if it is gone */
  read: (id: string) => Promise<T>;
}

@Injectable()
export class IdempotencyService {
  constructor(
    private readonly db: TransactionRunner,
    private readonly keys: IdempotencyRepository,
  ) {}

  /**
   * Makes a resource once for a key: in one transaction with the record of its id, so that there is never one without the other. A
   * repetition reads the resource as it is then; work that throws leaves the key free. Without a request it is just made.
   * @throws {AppError} `idempotency_key_reused` for another request with the same key, `resource_gone` for a repetition of what
   *   has been deleted
   */
  once<T extends { id: string }>(
    request: IdempotentRequest | undefined,
    { make, read }: IdempotentCreation<T>,
  ): Promise<Outcome<T>> {
    if (!request) return make();
    return this.db.run(async () => {
      if (!(await this.keys.claim(request))) return this.repeat(request, read);
      const outcome = await make();
      await this.keys.complete(request, outcome.resource.id, outcome.status);
      return outcome;
    });
  }

  /**
   * Forgets keys that are too old to be repeated; answers how many. Somebody may have used a thousand a minute: a slice at a time. A job of
   * `jobs/` calls it, once for all processes.
   */
  sweep(signal?: AbortSignal): Promise<number> {
    return removeInSlices(SLICE, (limit) => this.keys.deleteOlderThan(KEPT_HOURS, limit), signal);
  }

  /** Removes keys of the user, at most `limit`; answers how many. */
  erase(userId: string, limit: number): Promise<number> {
    return this.keys.deleteOf(userId, limit);
  }

  private async repeat<T>(
    request: IdempotentRequest,
    read: IdempotentCreation<T>['read'],
  ): Promise<Outcome<T>> {
    const earlier = await this.keys.find(request);
    if (earlier && !earlier.request_hash.equals(request.hash)) throw keyReused();
    if (!earlier?.resource_id || !earlier.status) throw resourceGone();
    const resource = await read(earlier.resource_id).catch((error: unknown) => {
      throw isNotFound(error) ? resourceGone() : error;
    });
    return { resource, status: earlier.status };
  }
}
