import { ApiProperty, ApiPropertyOptional, ApiSchema } from '@nestjs/swagger';
import { ApiTime } from '../../http/openapi/api-properties';

@ApiSchema({ name: 'Attempt' })
export class AttemptResponse {
  @ApiProperty({ example: 'openai', description: 'Who was asked.' })
  provider: string;

  @ApiProperty({ example: 'gpt-5-mini', description: 'The model that was asked.' })
  model: string;

  @ApiPropertyOptional({
    type: 'integer',
    example: 1,
    description: 'Which try it was at this model, from 1. Absent in replies of before.',
  })
  try?: number;

  @ApiProperty({ example: 'ok', description: '`ok`, `aborted` or the code of the failure.' })
  outcome: string;

  @ApiTime('When it was asked.')
  started_at: string;

  @ApiPropertyOptional({
    type: 'integer',
    example: 210,
    description: "Milliseconds until the provider's answer began, be it a refusal; absent if it did not.",
  })
  first_byte_ms?: number;

  @ApiProperty({
    type: 'integer',
    nullable: true,
    example: 420,
    description: 'Milliseconds to the first event; null if none came.',
  })
  first_event_ms: number | null;

  @ApiProperty({ type: 'integer', example: 2150, description: 'Milliseconds in all.' })
  duration_ms: number;

  @ApiPropertyOptional({
    type: 'integer',
    example: 200,
    description: "HTTP status of the provider's answer, or the one that it reports; absent if none came.",
  })
  status?: number;

  @ApiPropertyOptional({
    example: 'insufficient_quota',
    description:
      "Of a failure: the provider's, the network's or the service's own word for it, if there is one.",
  })
  provider_code?: string;

  @ApiPropertyOptional({
    example: 'req_7f3a',
    description: "The provider's own id of the request, for its support; absent if it gave none.",
  })
  request_id?: string;

  @ApiPropertyOptional({
    type: String,
    nullable: true,
    example: 'stop',
    description:
      "The provider's own word on why the model ended; null if it gave none, and the end was assumed. Absent where it did not end, and in replies of before.",
  })
  finish_word?: string | null;
}
