import { Injectable, Logger, type OnModuleDestroy } from '@nestjs/common';
import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises';
import { AppConfig } from '../../../config/app-config';
import { REPLY_BOUNDS } from '../../../config/bounds';
import { constraintOf } from '../../../database/database-error';
import { AppError } from '../../../errors/app-error';
import { DatabaseState } from '../../../database/database-state';
import { InstanceService, leaseLost } from '../../../instances/instance.service';
import { detached } from '../../../common/detached';
import type { LoggedEvent } from '../../events/event-codec';
import { encodePayload } from './journal-payload';
import { NoopObserver, Observer } from '../../../observability/observer';
import { JournalRepository } from './journal.repository';

/** Delays between attempts to store a batch; after the last one its replies end. Short, because all replies wait behind the batch. */
const RETRIES_MS = [50, 200, 500, ...Array.from({ length: 15 }, () => 1_000)];
const DROP_MS = 5_000;

/**
 * From this many open replies on, batches start at a minimum interval, which grows with the number of replies: a commit costs more
 * than the delay. The time that a commit has taken counts towards the interval.
 */
const PACING_THRESHOLD = 25;
const MIN_INTERVAL_MS = 6;
const MAX_INTERVAL_MS = 16;
const REPLIES_PER_MS = 40;

export const storageUnavailable = (cause?: unknown) =>
  new AppError('unavailable', 'storage_unavailable', 'The reply cannot be stored at the moment.', { cause });

/** Events on their way into the journal; `stored` settles for all of a batch at once. */
interface Batch {
  /** Events of the batch by message id. */
  runs: Map<string, LoggedEvent[]>;
  /** Length of the events as JSON, in characters. */
  characters: number;
  urgent: boolean;
  stored: PromiseWithResolvers<void>;
}

/**
 * The only writer of this process's journal, by group commit: while a batch is being stored, the next one collects, so nothing waits
 * for a timer, and there is one statement at a time however many replies are active. Called by `JournalReplyLog`, `CheckpointWriter`.
 */
@Injectable()
export class JournalWriter implements OnModuleDestroy {
  private readonly logger = new Logger(JournalWriter.name);
  private readonly durable: boolean;
  /** First batch that may hold events of each open reply, by message id. */
  private readonly firstBatches = new Map<string, number>();
  /** Batches that are not being stored yet; the last one collects. */
  private readonly waiting = [newBatch()];
  private characters = 0;
  private writing = false;
  /** Ends the current pause early. */
  private resume: (() => void) | undefined;
  private batch = 0;
  /** Batches before this one are deleted. */
  private dropped = 1;
  private dropping = false;
  private readonly dropTimer = setInterval(() => void this.drop(), DROP_MS).unref();

  constructor(
    private readonly journal: JournalRepository,
    private readonly instance: InstanceService,
    database: DatabaseState,
    { chat }: AppConfig,
    private readonly observer: Observer = new NoopObserver(),
  ) {
    // A database inside this process ends with it, and loses what it has not written to disk yet.
    this.durable = chat.durability === 'strict' || database.exclusive;
  }

  onModuleDestroy(): void {
    clearInterval(this.dropTimer);
  }

  /** Number of the batch that receives the next events. */
  get nextBatch(): number {
    return this.batch + this.waiting.length;
  }

  /** Whether so much waits to be stored that no more events should be added. */
  get full(): boolean {
    return this.characters > REPLY_BOUNDS.pendingCharactersOfAll.limit;
  }

  register(messageId: string): void {
    this.firstBatches.set(messageId, this.nextBatch);
  }

  /** Records that the reply no longer needs batches before this one. */
  advanceTo(messageId: string, batch: number): void {
    if (this.firstBatches.has(messageId)) this.firstBatches.set(messageId, batch);
  }

  /** Called when the reply is stored in its message: the journal need not keep it. */
  unregister(messageId: string): void {
    this.firstBatches.delete(messageId);
  }

  /**
   * Stores consecutive events of one reply, in the order of the calls. Returns the same promise for all events of one batch.
   * @throws AppError `storage_unavailable`, `lease_lost`
   */
  store(events: LoggedEvent[]): Promise<void> {
    const batch = this.collecting();
    const [{ messageId }] = events;
    const run = batch.runs.get(messageId);
    if (run) run.push(...events);
    else batch.runs.set(messageId, events);
    for (const { json } of events) {
      batch.characters += json.length;
      this.characters += json.length;
    }
    // The first events of a reply wait no longer than for a commit.
    if (events[0].sequence === 1) {
      batch.urgent = true;
      this.resume?.();
    }
    if (!this.writing) void detached(() => this.write());
    return batch.stored.promise;
  }

  private collecting(): Batch {
    const last = this.waiting[this.waiting.length - 1];
    if (last.characters < REPLY_BOUNDS.journalBatch.limit) return last;
    const next = newBatch();
    this.waiting.push(next);
    return next;
  }

  private async write(): Promise<void> {
    this.writing = true;
    // Events that arrive in this turn of the event loop join the batch.
    await nextTurn();
    while (this.waiting[0].runs.size) {
      const [batch] = this.waiting;
      const startedAt = performance.now();
      this.batch++;
      this.waiting.shift();
      if (!this.waiting.length) this.waiting.push(newBatch());
      await this.storeBatch(batch);
      this.characters -= batch.characters;
      const remainingMs = startedAt + this.interval() - performance.now();
      if (remainingMs > 0 && this.waiting.length === 1 && !this.waiting[0].urgent)
        await this.pause(remainingMs);
    }
    this.writing = false;
  }

  private async storeBatch({ runs, characters, stored }: Batch): Promise<void> {
    const startedAt = performance.now();
    try {
      await this.commit(this.batch, encodePayload(runs.values()));
    } catch (error) {
      stored.reject(error);
      return;
    }
    stored.resolve();
    this.observer.batchCommitted({ replies: runs.size, characters, ms: performance.now() - startedAt });
  }

  private interval(): number {
    const replies = this.firstBatches.size;
    return replies < PACING_THRESHOLD
      ? 0
      : Math.min(MIN_INTERVAL_MS + replies / REPLIES_PER_MS, MAX_INTERVAL_MS);
  }

  private pause(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, ms);
      this.resume = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }

  private async commit(batch: number, payload: string): Promise<void> {
    for (let attempts = 0; ; attempts++) {
      try {
        if (await this.journal.append(this.instance.id, batch, payload, this.durable)) return;
        throw leaseLost();
      } catch (error) {
        if (error instanceof AppError && error.code === 'lease_lost') throw error;
        // An earlier attempt was stored although its response was lost.
        if (constraintOf(error) === 'pk_reply_journal') return;
        if (attempts === RETRIES_MS.length) throw storageUnavailable(error);
        this.logger.warn({ err: error }, 'A batch of the journal could not be stored; trying again');
        await sleep(RETRIES_MS[attempts]);
      }
    }
  }

  /** Deletes the batches that no open reply needs, many at a time. */
  private async drop(): Promise<void> {
    const needed = Math.min(this.batch + 1, ...this.firstBatches.values());
    if (needed <= this.dropped || this.dropping) return;
    this.dropping = true;
    try {
      await this.journal.dropBefore(this.instance.id, needed);
      this.dropped = needed;
    } catch (error) {
      this.logger.warn({ err: error }, 'Old batches of the journal could not be dropped; later');
    } finally {
      this.dropping = false;
    }
  }
}

function newBatch(): Batch {
  const stored = Promise.withResolvers<void>();
  // The caller of `store` gets a failure; the rejection of a batch that nobody awaits must not end the process.
  stored.promise.catch(() => undefined);
  return { runs: new Map(), characters: 0, urgent: false, stored };
}
