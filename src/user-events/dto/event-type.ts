import { ApiProperty } from '@nestjs/swagger';

/** Property decorator: the `type` of a class of events. */
export const ApiType = (type: string) =>
  ApiProperty({ type: 'string', enum: [type], example: type, description: 'Tells the events apart.' });
