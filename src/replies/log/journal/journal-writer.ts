import { Injectable, Logger, type OnModuleDestroy } from '@nestjs/common';
import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises';
import { AppConfig } from '../../../config/app-config';
import { REPLY_BOUNDS } from '../../../config/bounds';
import { constraintOf } from '../../../database/database-error';
import { AppError } from '../../../errors/app-error';
import { DatabaseState } from '../../../database/database-state';
import { InstanceService, leaseLost } from '../../../instances/instance.service';
import { detached } from '../../../logging/detached';
import type { LoggedEvent } from '../../events/event-codec';
import { encodePayload } from './journal-payload';
import { JournalRepository } from './journal.repository';

/** Waits between tries to store a batch; after the last one its replies end. Short ones: all replies wait behind it. */
const RETRIES_MS = [50, 200, 500, ...Array.from({ length: 15 }, () => 1_000)];
const DROP_MS = 5_000;

/**
 * From so many open replies on, batches begin at least so long after each other, the longer the more replies there are: a commit
 * costs more than it delays. What a slow commit has taken already is not waited for again.
 */
const CROWD = 25;
const MIN_INTERVAL_MS = 6;
const MAX_INTERVAL_MS = 16;
const REPLIES_PER_MS = 40;

export const storageUnavailable = (cause?: unknown) =>
  new AppError('unavailable', 'storage_unavailable', 'The reply cannot be stored at the moment.', { cause });

/** Events on their way into the journal; `stored` settles for all of a batch at once. */
interface Batch {
  /** What it holds of each reply. */
  runs: Map<string, LoggedEvent[]>;
  /** Characters of its events as JSON. */
  characters: number;
  urgent: boolean;
  stored: PromiseWithResolvers<void>;
}

/**
 * The one writer of this process's journal: a group commit. While a batch is being stored the next one collects, so nothing
 * waits for a timer, and there is one statement at a time however many replies run.
 */
@Injectable()
export class JournalWriter implements OnModuleDestroy {
  private readonly logger = new Logger(JournalWriter.name);
  private readonly durable: boolean;
  /** The first batch that may hold events of each open reply. */
  private readonly firstBatches = new Map<string, number>();
  /** Batches that are not being stored yet; the last one collects. */
  private readonly waiting = [newBatch()];
  private characters = 0;
  private writing = false;
  /** Ends a pause. */
  private resume: (() => void) | undefined;
  private batch = 0;
  /** Batches before this one are gone. */
  private dropped = 1;
  private dropping = false;
  private readonly dropTimer = setInterval(() => void this.drop(), DROP_MS).unref();

  constructor(
    private readonly journal: JournalRepository,
    private readonly instance: InstanceService,
    database: DatabaseState,
    { chat }: AppConfig,
  ) {
    // A database inside of this process dies with it, and with it what it has not written yet.
    this.durable = chat.durability === 'strict' || database.exclusive;
  }

  onModuleDestroy(): void {
    clearInterval(this.dropTimer);
  }

  /** The batch that takes what is stored next. */
  get nextBatch(): number {
    return this.batch + this.waiting.length;
  }

  /** So much waits to be stored that nothing should be added. */
  get full(): boolean {
    return this.characters > REPLY_BOUNDS.charactersUnderwayOfAll.limit;
  }

  register(messageId: string): void {
    this.firstBatches.set(messageId, this.nextBatch);
  }

  /** The reply needs no batch before this one any more. */
  advanceTo(messageId: string, batch: number): void {
    if (this.firstBatches.has(messageId)) this.firstBatches.set(messageId, batch);
  }

  /** The reply is in its message: the journal need not keep it. */
  unregister(messageId: string): void {
    this.firstBatches.delete(messageId);
  }

  /**
   * Stores consecutive events of one reply. Later calls are stored later; the same promise for all that is stored together.
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
    // Nobody waits longer than for a commit for the first word of a reply.
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
    // What else this turn of the event loop brings goes along.
    await nextTurn();
    while (this.waiting[0].runs.size) {
      const [{ runs, stored, characters }] = this.waiting;
      const began = performance.now();
      this.batch++;
      this.waiting.shift();
      if (!this.waiting.length) this.waiting.push(newBatch());
      await this.commit(this.batch, encodePayload(runs.values())).then(stored.resolve, stored.reject);
      this.characters -= characters;
      const left = began + this.interval() - performance.now();
      if (left > 0 && this.waiting.length === 1 && !this.waiting[0].urgent) await this.pause(left);
    }
    this.writing = false;
  }

  private interval(): number {
    const replies = this.firstBatches.size;
    return replies < CROWD ? 0 : Math.min(MIN_INTERVAL_MS + replies / REPLIES_PER_MS, MAX_INTERVAL_MS);
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
    for (let tries = 0; ; tries++) {
      try {
        if (await this.journal.append(this.instance.id, batch, payload, this.durable)) return;
        throw leaseLost();
      } catch (error) {
        if (error instanceof AppError && error.code === 'lease_lost') throw error;
        // An earlier try was stored although its answer was lost.
        if (constraintOf(error) === 'pk_reply_journal') return;
        if (tries === RETRIES_MS.length) throw storageUnavailable(error);
        this.logger.warn({ err: error }, 'A batch of the journal could not be stored; trying again');
        await sleep(RETRIES_MS[tries]);
      }
    }
  }

  /** What no open reply needs goes, many batches at a time. */
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
  // Whoever appended hears of a failure; a batch that nobody waits for must not end the process.
  stored.promise.catch(() => undefined);
  return { runs: new Map(), characters: 0, urgent: false, stored };
}
