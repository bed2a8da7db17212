import { ApiProperty } from '@nestjs/swagger';

/** The same things have the same ids in all examples, so that they tell one story. */
export const EXAMPLE_IDS = {
  conversation: '019a5b1c-7f00-7000-8000-000000000001',
  userMessage: '019a5b1c-7f00-7000-8000-000000000002',
  reply: '019a5b1c-7f00-7000-8000-000000000003',
  feedback: '019a5b1c-7f00-7000-8000-000000000009',
  share: '019a5b1c-7f00-7000-8000-00000000000d',
  job: '019a5b1c-7f00-7000-8000-00000000000b',
} as const;

export const EXAMPLE_TIME = '2026-11-21T09:30:00.000Z';

interface Options {
  description: string;
  nullable?: boolean;
  required?: boolean;
}

/** An id of one of the `EXAMPLE_IDS`. */
export function ApiId(of: keyof typeof EXAMPLE_IDS, { description, ...options }: Options): PropertyDecorator {
  return ApiProperty({ type: 'string', format: 'uuid', example: EXAMPLE_IDS[of], description, ...options });
}

/** A time in UTC with milliseconds. */
export function ApiTime(description: string): PropertyDecorator {
  return ApiProperty({ type: 'string', format: 'date-time', example: EXAMPLE_TIME, description });
}
