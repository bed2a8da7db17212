import { createParamDecorator, type ExecutionContext } from '@nestjs/common';
import type { Request } from 'express';

/** The id of the last event that the client has: `Last-Event-ID`, or `?after=` of clients that cannot set it. */
export const ResumeFrom = createParamDecorator(
  (_data: unknown, context: ExecutionContext): string | undefined => {
    const { headers, query } = context.switchToHttp().getRequest<Request>();
    return textOf(headers['last-event-id']) ?? textOf(query.after);
  },
);

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined;
}
