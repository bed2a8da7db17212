import { ApiProperty, ApiSchema } from '@nestjs/swagger';
import { IsBoolean } from 'class-validator';
import { MayBeAbsent } from '../../http/may-be-absent';
import { OptionalBody } from '../../http/validation.pipe';

@OptionalBody()
@ApiSchema({ name: 'SelectMessage' })
export class SelectMessageDto {
  @ApiProperty({
    required: false,
    example: false,
    description: 'End the path at this message instead of going on to what was last active below it.',
  })
  @MayBeAbsent()
  @IsBoolean()
  exact?: boolean;
}
