import { ApiProperty, ApiSchema } from '@nestjs/swagger';
import { ApiId } from '../../http/openapi/api-properties';

@ApiSchema({ name: 'MessageFeedback', description: "The caller's own feedback on a reply." })
export class MessageFeedbackResponse {
  @ApiId('feedback', { description: 'Its id.' })
  id: string;

  @ApiProperty({
    type: 'integer',
    minimum: 1,
    maximum: 5,
    example: 5,
    description: 'From 1, bad, to 5, good.',
  })
  rating: number;

  @ApiProperty({
    type: 'string',
    nullable: true,
    example: 'Just what I needed.',
    description: 'Why; null without one.',
  })
  comment: string | null;

  @ApiProperty({ type: [String], example: ['helpful'], description: 'Words for why.' })
  tags: string[];
}
