import { Injectable, Logger, type OnModuleInit } from '@nestjs/common';
import { detached } from '../../common/detached';
import { Draining } from '../../http/draining';
import { ModelSlots } from '../../llm/slots/model-slots';
import type { SlotPool } from '../../llm/slots/slot-pool';
import { SlotQueue } from '../../messages/slot-queue';
import { QueuedReplyStarter } from './queued-reply-starter';

/** Maximum number of replies that are started at once, each in a transaction of its own. */
const AT_ONCE = 20;
/** Rounds in which no reply could be started, after which filling is left to the next sweep. */
const TRIES = 3;

/** Starts replies that wait for a slot of their model when one is free, each in its turn. Called by `TurnQueue`. */
@Injectable()
export class SlotFiller implements OnModuleInit {
  private readonly logger = new Logger(SlotFiller.name);
  /** Models for which `fill` runs; true if it was called again meanwhile, so that it looks once more. */
  private readonly filling = new Map<string, boolean>();

  constructor(
    private readonly queue: SlotQueue,
    private readonly slots: ModelSlots,
    private readonly starter: QueuedReplyStarter,
    private readonly draining: Draining,
  ) {}

  onModuleInit(): void {
    this.slots.freed.subscribe((model) => void detached(() => this.fill(model)));
  }

  /** Starts replies that wait for this model, until none waits or no slot is free, one call per model at a time. Never throws. */
  async fill(model: string): Promise<void> {
    if (this.filling.has(model)) return void this.filling.set(model, true);
    do this.filling.set(model, false);
    while ((await this.fillOnce(model)) && this.filling.get(model));
    this.filling.delete(model);
  }

  /** Starts replies that no event has reported: other processes have stored them, or they could not be started earlier. */
  async sweep(): Promise<void> {
    const waitedFor = new Set(await this.queue.waitedFor());
    for (const model of this.slots.limited)
      if (waitedFor.has(model) || this.slots.of(model)?.awaited) await this.fill(model);
  }

  /** Fills the slots of a model once; false if the rest is left to the next `sweep`. */
  private async fillOnce(model: string): Promise<boolean> {
    const pool = this.slots.of(model);
    try {
      if (this.draining.active) pool?.settle();
      else if (pool) return await this.fillPool(model, pool);
    } catch (error) {
      this.logger.warn({ err: error, model }, 'Replies that wait for a model could not be begun; later');
    }
    return false;
  }

  private async fillPool(model: string, pool: SlotPool): Promise<boolean> {
    pool.await();
    for (let fruitless = 0; pool.free;) {
      const next = await this.queue.next(model, Math.min(pool.free, AT_ONCE));
      if (!next.length) {
        pool.settle();
        return true;
      }
      const starts: Promise<boolean>[] = [];
      for (const reply of next) {
        const slot = this.slots.forReply(reply.user_id);
        if (!slot.takeNext(pool, { userId: reply.user_id, since: reply.created_at.getTime() })) break;
        starts.push(this.starter.start(reply, reply.id, slot));
      }
      const isFruitless = starts.length > 0 && !(await Promise.all(starts)).includes(true);
      // Other processes have started or cancelled all of them. If that repeats, none can be started, or this process must not write.
      if (isFruitless && ++fruitless === TRIES) return false;
    }
    return true;
  }
}
