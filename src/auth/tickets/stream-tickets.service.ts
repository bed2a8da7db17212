import { Injectable, type OnModuleInit } from '@nestjs/common';
import { createHash, randomBytes } from 'node:crypto';
import { UserLock } from '../../users/quotas/user-lock';
import { UserData } from '../../users/user-data';
import { invalidTicket } from '../auth.errors';
import { IdentityStrategy } from '../strategies/identity-strategy';
import type { Identity } from '../identity';
import { StreamTicketsRepository, type TicketOwner } from './stream-tickets.repository';

export const TICKET_TTL_S = 60;
const TICKET = /^[A-Za-z0-9_-]{43}$/;

/** Tickets with which a client that cannot set headers opens one stream. */
@Injectable()
export class StreamTicketsService implements OnModuleInit {
  constructor(
    private readonly tickets: StreamTicketsRepository,
    private readonly strategy: IdentityStrategy,
    private readonly lock: UserLock,
    private readonly data: UserData,
  ) {}

  onModuleInit(): void {
    this.data.add({
      type: 'stream_ticket',
      erase: (userId, limit) => this.tickets.deleteOf(userId, limit),
      access: true,
    });
  }

  /** A new ticket: 32 random bytes, of which only the digest is stored. */
  async issue(identity: Identity): Promise<string> {
    const ticket = randomBytes(32).toString('base64url');
    await this.tickets.deleteExpired();
    // Nothing but the lock keeps a ticket from being left behind by an erasure.
    return this.lock.hold(identity.userId, async () => {
      await this.tickets.insert(hashOf(ticket), ownerOf(identity), TICKET_TTL_S);
      return ticket;
    });
  }

  /**
   * Who got a ticket, which is spent by this.
   * @throws {AppError} 401 `invalid_ticket`
   */
  async redeem(ticket: string): Promise<Identity> {
    const owner = TICKET.test(ticket) ? await this.tickets.take(hashOf(ticket)) : undefined;
    const identity = owner && (await this.strategy.renew(identityOf(owner)));
    if (!identity) throw invalidTicket(this.strategy.challenge);
    return identity;
  }
}

function ownerOf({ userId, sessionId, keyId, expiresAt }: Identity): TicketOwner {
  return {
    user_id: userId,
    session_id: sessionId ?? null,
    key_id: keyId ?? null,
    identity_expires_at: expiresAt === undefined ? null : new Date(expiresAt),
  };
}

/** The identity of a ticket, as it was then; the caller looks up what may have changed since. */
function identityOf({ user_id, session_id, key_id, identity_expires_at }: TicketOwner): Identity {
  return {
    userId: user_id,
    role: 'user',
    ...(session_id && { sessionId: session_id }),
    ...(key_id && { keyId: key_id }),
    ...(identity_expires_at && { expiresAt: identity_expires_at.getTime() }),
  };
}

function hashOf(ticket: string): Buffer {
  return createHash('sha256').update(ticket).digest();
}
