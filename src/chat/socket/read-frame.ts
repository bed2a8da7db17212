import { invalidRequest } from '../../http/http-errors';
import { parseJsonBody } from '../../http/json-body';
import { RequestValidationPipe, validationFailed } from '../../http/validation.pipe';
import { CLIENT_FRAMES, type ClientFrame, type FrameType } from './client-frames';

const MAX_REQUEST_ID = 128;
const validation = new RequestValidationPipe();

/** A parsed frame whose type and fields are not checked yet. */
export interface Envelope {
  type: string;
  requestId?: string;
  sent: Record<string, unknown>;
}

/**
 * Parses a frame under the same rules as the body of a request.
 * @throws AppError those of `parseJsonBody`, `validation_failed`
 */
export function openFrame(bytes: Uint8Array): Envelope {
  const { type, request_id, ...sent } = parseJsonBody(bytes) as Record<string, unknown>;
  if (typeof type !== 'string') throw invalidField('type', 'must be a string');
  const requestId = request_id ?? undefined;
  if (requestId !== undefined && !isRequestId(requestId))
    throw invalidField('request_id', `must be a text of 1 to ${MAX_REQUEST_ID} characters`);
  return { type, requestId, sent };
}

/** @throws AppError `unknown_type`, `validation_failed` */
export async function checkFrame({ type, requestId, sent }: Envelope): Promise<ClientFrame> {
  if (!isFrameType(type)) throw invalidRequest('unknown_type', 'There is no frame of this type.');
  const fields: unknown = await validation.transform(sent, { type: 'body', metatype: CLIENT_FRAMES[type] });
  return { type, requestId, fields, sent } as ClientFrame;
}

function isFrameType(type: string): type is FrameType {
  return Object.hasOwn(CLIENT_FRAMES, type);
}

function isRequestId(value: unknown): value is string {
  return typeof value === 'string' && value.length >= 1 && value.length <= MAX_REQUEST_ID;
}

function invalidField(path: string, message: string) {
  return validationFailed([{ path, message }]);
}
