import { Injectable } from '@nestjs/common';
import { REPLY_BOUNDS } from '../config/bounds';
import { NewKeys } from '../conversations/new-keys';
import { isUnavailable } from '../database/database-error';
import { BoundedMap } from '../http/bounded-map';
import { IdempotencyService } from '../http/idempotency/idempotency.service';
import type { ReplyRef } from '../messages/message.types';
import { TurnsService, type OpenedTurn, type TurnInput } from '../messages/turns.service';
import { Quotas } from '../usage/quotas';
import type { RequestContext } from './turn-command';

/** Lifetime of an unconfirmed turn: a repeated request comes within seconds of the database being back; later `OrphanedReplies` ends the reply. */
const UNCONFIRMED_MS = 60_000;

/** A turn that this request has opened, or the reply that the same request opened before. */
export type SentTurn = OpenedTurn | { repeated: ReplyRef };

/** A reply as stored under its idempotency key; `isOpen`: whether a reply that was stored earlier is `streaming`. */
interface StoredReply {
  id: string;
  conversationId: string;
  isOpen?: boolean;
}

/** Stores a turn, once per idempotency key, within the quotas of its user. */
@Injectable()
export class TurnOpener {
  /** Turns whose COMMIT failed, by message id: it may have been carried out although its answer was lost. */
  private readonly unconfirmed = new BoundedMap<string, OpenedTurn>(REPLY_BOUNDS.unconfirmedTurns.limit);

  constructor(
    private readonly idempotency: IdempotencyService,
    private readonly quotas: Quotas,
    private readonly turns: TurnsService,
    private readonly keys: NewKeys,
  ) {}

  /**
   * Stores the turn: with an idempotency key or a quota in one transaction with them, without either in a single statement.
   * @throws AppError those of `TurnsService.open`, `quota_exceeded`, `idempotency_key_reused`, `resource_gone`
   */
  async open({ userId, request }: RequestContext, input: TurnInput): Promise<SentTurn> {
    let opened: OpenedTurn | undefined;
    try {
      const { resource } = await this.idempotency.once<StoredReply>(request, {
        make: async () => {
          opened = await this.quotas.within(input, (allowance) => this.turns.open(input, allowance));
          return { resource: { id: opened.messageId, conversationId: opened.conversation.id }, status: 200 };
        },
        read: async (id) => {
          // A turn of an attempt that was rolled back must not be announced.
          opened = undefined;
          const { status, conversation_id: conversationId } = await this.turns.opened(userId, id);
          return { id, conversationId, isOpen: status === 'streaming' };
        },
      });
      if (opened) this.keys.announce(opened.conversation);
      const { id: messageId, conversationId, isOpen = false } = resource;
      return opened ?? this.resumeUnconfirmed({ userId, conversationId, messageId }, isOpen);
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
  private resumeUnconfirmed(reply: ReplyRef, isOpen: boolean): SentTurn {
    const opened = this.unconfirmed.get(reply.messageId);
    this.unconfirmed.delete(reply.messageId);
    return (isOpen && opened) || { repeated: reply };
  }
}
