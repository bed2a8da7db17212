import { ApiProperty, ApiSchema } from '@nestjs/swagger';

@ApiSchema({ name: 'Erasure' })
export class ErasureResponse {
  @ApiProperty({ enum: ['erasing'], example: 'erasing', description: 'The rest is being removed.' })
  status: 'erasing';
}
