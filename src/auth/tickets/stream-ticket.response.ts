import { ApiProperty, ApiSchema } from '@nestjs/swagger';

/** Opens one stream. */
@ApiSchema({ name: 'StreamTicket', description: 'Opens one stream.' })
export class StreamTicketResponse {
  @ApiProperty({
    description: 'Give it as `?ticket=` to one stream or WebSocket.',
    example: 'kX2bV0v8c1Q3m7Zt5yR9pL4wN6sD0fGhJkE2uIoA1Bc',
  })
  ticket!: string;

  @ApiProperty({ description: 'Seconds until it is no longer accepted.', example: 60, type: 'integer' })
  expires_in!: number;
}
