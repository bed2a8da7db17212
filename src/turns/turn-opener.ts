import { Injectable } from '@nestjs/common';
import { REPLY_BOUNDS } from '../config/bounds';
import { isUnavailable } from '../database/database-error';
import { BoundedMap } from '../http/bounded-map';
import { IdempotencyService } from '../http/idempotency/idempotency.service';
import { TurnsService, type OpenedTurn, type TurnInput } from '../messages/turns.service';
import { Quotas } from '../usage/quotas';
import type { RequestContext } from './turn-command';

/** A repetition of the request comes within seconds; later `OrphanedReplies` has completed the reply. */
const UNCONFIRMED_MS = 10_000;

/** A turn that this request has opened, or the reply that the same request opened before. */
export type SentTurn = OpenedTurn | { messageId: string };

/** Stores a turn, once for an idempotency key, within the quotas of its user. */
@Injectable()
export class TurnOpener {
  /** Turns whose COMMIT failed, by message id: it may have been carried out although its answer was lost. */
  private readonly unconfirmed = new BoundedMap<string, OpenedTurn>(REPLY_BOUNDS.unconfirmedTurns.limit);

  constructor(
    private readonly idempotency: IdempotencyService,
    private readonly quotas: Quotas,
    private readonly turns: TurnsService,
  ) {}

  /**
   * With an idempotency key the turn and the key are one transaction, as with a quota; without either the turn is a single statement.
   * @throws AppError those of `TurnsService.open`, `quota_exceeded`, `idempotency_key_reused`, `resource_gone`
   */
  async open({ userId, request }: RequestContext, input: TurnInput): Promise<SentTurn> {
    let opened: OpenedTurn | undefined;
    let isOpen = false;
    try {
      const { resource } = await this.idempotency.once(request, {
        make: async () => {
          opened = await this.quotas.within(input, (allowance) => this.turns.open(input, allowance));
          return { resource: { id: opened.messageId }, status: 200 };
        },
        read: async (id) => {
          // Of an attempt that was rolled back.
          opened = undefined;
          isOpen = (await this.turns.opened(userId, id)).status === 'streaming';
          return { id };
        },
      });
      return opened ?? this.resumeUnconfirmed(resource.id, isOpen);
    } catch (error) {
      if (opened && isUnavailable(error)) this.keepUnconfirmed(opened);
      throw error;
    }
  }

  private keepUnconfirmed(turn: OpenedTurn): void {
    this.unconfirmed.set(turn.messageId, turn);
    setTimeout(() => this.unconfirmed.delete(turn.messageId), UNCONFIRMED_MS).unref();
  }

  /** The reply that the request opened before; if its COMMIT lost its answer then, nobody produces it, and this request starts it. */
  private resumeUnconfirmed(messageId: string, isOpen: boolean): SentTurn {
    const opened = this.unconfirmed.get(messageId);
    this.unconfirmed.delete(messageId);
    return (isOpen && opened) || { messageId };
  }
}
