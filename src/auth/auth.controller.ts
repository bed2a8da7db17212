import { Controller } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import { ActionRoute } from '../http/routes';
import { CurrentIdentity } from './current-user.decorator';
import type { Identity } from './identity';
import { RequiresScope } from './route-rules.decorator';
import { StreamTicketResponse } from './tickets/stream-ticket.response';
import { StreamTicketsService, TICKET_TTL_S } from './tickets/stream-tickets.service';

@ApiTags('auth')
@Controller('auth')
export class AuthController {
  constructor(private readonly tickets: StreamTicketsService) {}

  @RequiresScope('conversations:read')
  @ActionRoute('stream-ticket', {
    summary: 'Get a ticket for one stream',
    description:
      'For native `EventSource` and browser WebSockets, which cannot set headers. It works once, for a minute.',
    returns: { type: StreamTicketResponse, description: 'The ticket.' },
  })
  async createStreamTicket(@CurrentIdentity() identity: Identity): Promise<StreamTicketResponse> {
    return { ticket: await this.tickets.issue(identity), expires_in: TICKET_TTL_S };
  }
}
