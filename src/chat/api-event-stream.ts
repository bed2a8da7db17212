import { applyDecorators, RequestMapping, RequestMethod, UseGuards } from '@nestjs/common';
import { ApiHeader, ApiOperation, ApiProduces, ApiQuery, ApiResponse } from '@nestjs/swagger';
import { StreamRoute } from '../auth/stream-route.decorator';
import { DrainingGuard } from '../http/draining.guard';
import { ApiIdempotent } from '../http/idempotency/idempotent-request';
import { type ProblemSource, ProblemResponses } from '../http/openapi/problem-responses';
import { RateLimited } from '../limits/rate-limited.decorator';
import { StaysOpen } from '../limits/stays-open.decorator';
import { ApiReplyEvents, replyEventSchema } from '../replies/events/reply-event.dto';
import { invalidResumeId } from '../replies/reply.errors';
import { TurnProblems } from './api-turn';
import { ApiUserEvents, userEventSchemas } from '../user-events/dto/user-event.dto';
import { invalidFullText } from './full-text';
import { invalidInclude } from './turn-client.decorator';

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

export interface StreamDocumentation {
  summary: string;
  description?: string;
  /** Errors of this route besides those of all such routes. */
  problems?: readonly ProblemSource[];
}

/** `POST` that starts a reply and responds with its events. Refused while the process shuts down. */
export function TurnRoute(path: string, { problems = [], ...operation }: StreamDocumentation) {
  return applyDecorators(
    TurnProblems(),
    ProblemResponses(...problems),
    ApiIdempotent(),
    ApiOperation(operation),
    UseGuards(DrainingGuard),
    EventStream(path, RequestMethod.POST),
  );
}

/** `GET` of the events of replies, for native `EventSource` as well; it starts nothing. */
export function FollowRoute(path: string, { problems = [], ...operation }: StreamDocumentation) {
  return applyDecorators(
    ProblemResponses(invalidResumeId, invalidFullText, ...problems),
    ApiOperation(operation),
    RateLimited('stream'),
    StreamRoute(),
    EventStream(path, RequestMethod.GET),
  );
}

const INCLUDE = {
  name: 'include',
  required: false,
  schema: { type: 'string' as const, enum: ['chunks'] },
  description:
    '`chunks`: also the events of every running reply, whose `data` then have `conversation_id` and `message_id`.',
};

/** `GET` of the events of all of a user's conversations (`UserFeed`). */
export function UserFeedRoute(path: string, operation: Omit<StreamDocumentation, 'problems'>) {
  const resume = {
    description: 'The id of the last event that was received, which is opaque: goes on right after it.',
  };
  return applyDecorators(
    RequestMapping({ path, method: RequestMethod.GET }),
    ProblemResponses(invalidResumeId, invalidFullText, invalidInclude),
    ApiOperation(operation),
    RateLimited('stream'),
    StreamRoute(),
    StaysOpen(),
    ApiProduces('text/event-stream'),
    ApiHeader({ ...RESUME_HEADER, ...resume }),
    ApiQuery(AFTER),
    ApiQuery(INCLUDE),
    ApiQuery(FULL_TEXT),
    ApiReplyEvents(),
    ApiUserEvents(),
    ApiResponse({
      status: 200,
      description:
        'Server-sent events: an opaque `id:` and one JSON object per `data:` line, as in the schema. Events of replies come only with `include=chunks`.',
      content: { 'text/event-stream': { schema: userEventSchema() } },
    }),
  );
}

/** OpenAPI schema of one `data:` line of a user's feed. */
function userEventSchema() {
  const mapping = { ...replyEventSchema().discriminator.mapping, ...userEventSchemas() };
  const { queued: _neverSent, ...sent } = mapping;
  return {
    title: 'UserEvent',
    description: 'What one `data:` line holds. Further types may come: ignore those that you do not know.',
    oneOf: Object.values(sent).map(($ref) => ({ $ref })),
    discriminator: { propertyName: 'type', mapping: sent },
  };
}

/** A route that responds with a stream of reply events (`StreamResponder`); 200 also for POST: readers give up on any other status. */
function EventStream(path: string, method: RequestMethod) {
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
