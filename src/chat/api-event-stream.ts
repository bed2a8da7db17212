import { applyDecorators, RequestMapping, RequestMethod } from '@nestjs/common';
import { ApiHeader, ApiProduces, ApiQuery, ApiResponse } from '@nestjs/swagger';
import { StaysOpen } from '../limits/stays-open.decorator';
import { ApiReplyEvents, replyEventSchema } from '../replies/events/reply-event.dto';

const RESUME_HEADER = {
  name: 'Last-Event-ID',
  required: false,
  schema: { type: 'string' as const },
  description:
    'The id of the last event that was received, `<message_id>:<sequence>`: goes on right after it.',
};

const AFTER = {
  name: 'after',
  required: false,
  schema: { type: 'string' as const },
  description: 'The same as `Last-Event-ID`, for clients that cannot set it.',
};

const FULL_TEXT = {
  name: 'full_text',
  required: false,
  schema: { type: 'boolean' as const, default: true },
  description:
    '`false` keeps every line below 64 KiB, for readers of lines that end there: an `end` event that would reach it has `full_text: null` ' +
    'and `full_text_omitted: true`. The chunks are the text.',
};

/** Documents how a client names the last event that it has received. */
export const ApiResume = () => applyDecorators(ApiHeader(RESUME_HEADER), ApiQuery(AFTER));

/** A route that responds with a stream of reply events (`StreamResponder`); 200 also for POST: readers give up on any other status. */
export function EventStream(path: string, method: RequestMethod = RequestMethod.GET) {
  return applyDecorators(
    RequestMapping({ path, method }),
    StaysOpen(),
    ApiProduces('text/event-stream'),
    ApiResume(),
    ApiQuery(FULL_TEXT),
    ApiReplyEvents(),
    ApiResponse({
      status: 200,
      description:
        'Server-sent events: `id: <message_id>:<sequence>` and one JSON object per `data:` line, as in the schema. ' +
        'A reply begins with `start` and ends with exactly one `end` or `error`.',
      content: { 'text/event-stream': { schema: replyEventSchema() } },
    }),
  );
}
