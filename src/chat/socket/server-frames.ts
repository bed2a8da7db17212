import type { AppError } from '../../errors/app-error';
import { STATUS_OF_KIND } from '../../errors/problem';
import type { FeedEvent } from '../../replies/read/user-feed';
import type { LoggedEvent } from '../../replies/events/event-codec';

/** Types of frames that are not events of a reply. */
export type AnswerType = 'stopped' | 'up_to_date' | 'unfollowed' | 'unsubscribed' | 'error';

/**
 * Frame of an event: exactly the JSON that SSE sends, with its id in front, if it has one; made from the JSON that all of its readers
 * share.
 */
export function eventFrame({ messageId, sequence, json }: LoggedEvent, requestId?: string): string {
  if (sequence) return `{"id":"${messageId}:${sequence}"${requestMember(requestId)},${json.slice(1)}`;
  return `${json.slice(0, -1)}${requestMember(requestId)}}`;
}

/** Frame of an event of a user's feed, as `eventFrame`. */
export function feedFrame({ id, json }: FeedEvent, requestId?: string): string {
  return `{"id":"${id}"${requestMember(requestId)},${json.slice(1)}`;
}

/** Frame without an `id`, which distinguishes a refusal from the `error` event that ends a reply. */
export function answerFrame(type: AnswerType, data: object, requestId?: string): string {
  return `{"type":"${type}"${requestMember(requestId)},"data":${JSON.stringify(data)}}`;
}

export function errorFrame({ kind, code, message, errors }: AppError, requestId?: string): string {
  const status = STATUS_OF_KIND[kind];
  const retryable = status === 429 || status >= 500;
  return answerFrame('error', { code, message, retryable, status, ...(errors && { errors }) }, requestId);
}

function requestMember(requestId: string | undefined): string {
  return requestId === undefined ? '' : `,"request_id":${JSON.stringify(requestId)}`;
}
