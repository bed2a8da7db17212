import { Controller, HttpCode, Post } from '@nestjs/common';
import { ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import { CurrentIdentity } from './current-user.decorator';
import type { Identity } from './identity';
import { RequiresScope } from './route-rules.decorator';
import { StreamTicketResponse } from './tickets/stream-ticket.response';
import { StreamTicketsService, TICKET_TTL_S } from './tickets/stream-tickets.service';

@ApiTags('auth')
@Controller('auth')
export class AuthController {
  constructor(private readonly tickets: StreamTicketsService) {}

  @Post('stream-ticket')
  @HttpCode(200)
  @RequiresScope('conversations:read')
  @ApiOperation({
    summary: 'Get a ticket for one stream',
    description:
      'For native `EventSource` and browser WebSockets, which cannot set headers. It works once, for a minute.',
  })
  @ApiOkResponse({ type: StreamTicketResponse, description: 'The ticket.' })
  async createStreamTicket(@CurrentIdentity() identity: Identity): Promise<StreamTicketResponse> {
    return { ticket: await this.tickets.issue(identity), expires_in: TICKET_TTL_S };
  }
}
