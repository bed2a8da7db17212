import { Subject, type Observable } from 'rxjs';
import type { ModelCatalogue } from '../model-catalogue';
import { ReplySlot } from './reply-slot';
import { SlotPool } from './slot-pool';

/**
 * How many replies of each model with `max_concurrent` this process makes at once. Models without it, and models of users, are not in
 * here, and nobody waits for them.
 */
export class ModelSlots {
  private readonly pools = new Map<string, SlotPool>();
  private readonly freedModels = new Subject<string>();

  constructor(catalogue: ModelCatalogue) {
    for (const { model } of catalogue.list())
      if (model.maxConcurrent !== undefined)
        this.pools.set(model.id, new SlotPool(model.maxConcurrent, () => this.freedModels.next(model.id)));
  }

  /** Ids of the models that have a limit. */
  get limited(): string[] {
    return [...this.pools.keys()];
  }

  /** Emits a model of which a slot is free while stored replies wait for it. */
  get freed(): Observable<string> {
    return this.freedModels;
  }

  /** Undefined for a model without a limit. */
  of(modelId: string | null): SlotPool | undefined {
    return modelId === null ? undefined : this.pools.get(modelId);
  }

  /** A holder, for a reply that is to begin, which holds none yet. */
  forReply(userId: string): ReplySlot {
    return new ReplySlot((modelId) => this.of(modelId), userId);
  }
}
