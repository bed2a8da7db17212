import { Controller, HttpCode, Post } from '@nestjs/common';
import { ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import { CurrentUser } from './current-user.decorator';
import { StreamTicketResponse } from './stream-ticket.response';
import { StreamTicketsService, TICKET_TTL_S } from './stream-tickets.service';

@ApiTags('auth')
@Controller('auth')
export class AuthController {
  constructor(private readonly tickets: StreamTicketsService) {}

  @Post('stream-ticket')
  @HttpCode(200)
  @ApiOperation({
    summary: 'Get a ticket for one stream',
    description:
      'For native `EventSource` and browser WebSockets, which cannot set headers. It works once, for a minute.',
  })
  @ApiOkResponse({ type: StreamTicketResponse, description: 'The ticket.' })
  async createStreamTicket(@CurrentUser() userId: string): Promise<StreamTicketResponse> {
    return { ticket: await this.tickets.issue(userId), expires_in: TICKET_TTL_S };
  }
}
