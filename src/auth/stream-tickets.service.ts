import { Injectable } from '@nestjs/common';
import { createHash, randomBytes } from 'node:crypto';
import { invalidTicket } from './auth.errors';
import { IdentityStrategy } from './identity-strategy';
import { StreamTicketsRepository } from './stream-tickets.repository';

export const TICKET_TTL_S = 60;
const TICKET = /^[A-Za-z0-9_-]{43}$/;

/** Tickets with which a client that cannot set headers opens one stream. */
@Injectable()
export class StreamTicketsService {
  constructor(
    private readonly tickets: StreamTicketsRepository,
    private readonly strategy: IdentityStrategy,
  ) {}

  /** A new ticket: 32 random bytes, of which only the digest is stored. */
  async issue(userId: string): Promise<string> {
    const ticket = randomBytes(32).toString('base64url');
    await this.tickets.deleteExpired();
    await this.tickets.insert(hashOf(ticket), userId, TICKET_TTL_S);
    return ticket;
  }

  /**
   * The user of a ticket, which is spent by this.
   * @throws {AppError} 401 `invalid_ticket`
   */
  async redeem(ticket: string): Promise<string> {
    const userId = TICKET.test(ticket) ? await this.tickets.take(hashOf(ticket)) : undefined;
    if (userId === undefined) throw invalidTicket(this.strategy.challenge);
    return userId;
  }
}

function hashOf(ticket: string): Buffer {
  return createHash('sha256').update(ticket).digest();
}
