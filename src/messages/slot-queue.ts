import { Injectable } from '@nestjs/common';
import { REPLY_BOUNDS } from '../config/bounds';
import { ModelSlots } from '../llm/slots/model-slots';
import { modelQueueFull } from './message.errors';
import type { MessageStatus, WaitingForModel } from './message.types';
import { SlotQueueRepository, type ModelStanding } from './slot-queue.repository';

/** Fields of a message that tell whether it has a place in the queue of a model. */
export interface MaybeWaiting {
  id: string;
  status: MessageStatus;
  model: string | null;
}

/** Stored replies that wait for a slot of a model with `max_concurrent`. Without such a model no statement is sent. */
@Injectable()
export class SlotQueue {
  constructor(
    private readonly queue: SlotQueueRepository,
    private readonly slots: ModelSlots,
  ) {}

  /** Models that have a limit. */
  get models(): string[] {
    return this.slots.limited;
  }

  /** @throws AppError `queue_full` if too many wait for the model, or too many of this user */
  async assertRoom({ userId, model }: { userId: string; model: string }): Promise<void> {
    if (!this.slots.of(model)) return;
    const { waitingForModel, waitingForModelOfUser } = REPLY_BOUNDS;
    const { all, own } = await this.queue.countWaiting(model, userId, waitingForModel.limit);
    if (all >= waitingForModel.limit || own >= waitingForModelOfUser.limit) throw modelQueueFull();
  }

  /** The replies that come next when slots of the model are free, in order. */
  next(model: string, limit: number): Promise<WaitingForModel[]> {
    return this.queue.nextOf(model, this.standingsOf([model]), limit);
  }

  /** Models for which replies wait. */
  async waitedFor(): Promise<string[]> {
    return this.models.length ? this.queue.waitedFor(this.models) : [];
  }

  /** Places by message id: 1 comes next. Only replies that wait for a slot and for nothing else have one. */
  async places(messages: readonly MaybeWaiting[]): Promise<ReadonlyMap<string, number>> {
    const waiting = messages.filter(({ status, model }) => status === 'queued' && this.slots.of(model));
    if (!waiting.length) return NO_PLACES;
    const models = [...new Set(waiting.map(({ model }) => model ?? ''))];
    const ids = waiting.map(({ id }) => id);
    const places = await this.queue.places(ids, models, this.standingsOf(models));
    return new Map(places.map(({ id, position }) => [id, position]));
  }

  private standingsOf(models: string[]): ModelStanding[] {
    return models.flatMap((model) =>
      (this.slots.of(model)?.standings ?? []).map((standing) => ({ ...standing, model })),
    );
  }
}

const NO_PLACES: ReadonlyMap<string, number> = new Map();
