import { applyDecorators, SetMetadata } from '@nestjs/common';
import { ApiQuery } from '@nestjs/swagger';

export const STREAM_ROUTE = Symbol('stream route');

/**
 * Marks a GET that native `EventSource` clients open. They cannot set headers, so here, and nowhere else, the identity may
 * also come as `?ticket=`, or as `?user_id=` in header mode on a loopback address. Handlers do not see these parameters.
 */
export function StreamRoute() {
  return applyDecorators(
    SetMetadata(STREAM_ROUTE, true),
    ApiQuery({
      name: 'ticket',
      required: false,
      description: 'Instead of an identity header: a ticket of `POST /auth/stream-ticket`. It works once.',
      schema: { type: 'string', minLength: 43, maxLength: 43 },
    }),
    ApiQuery({
      name: 'user_id',
      required: false,
      description:
        'Instead of an identity header, while the server listens on a loopback address only: the user.',
      schema: { type: 'string', minLength: 1, maxLength: 128 },
    }),
  );
}
