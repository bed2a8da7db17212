import { toAppError } from '../../database/database-error';
import { LlmError } from '../../llm/llm-error';
import type { MessageError, ReplyOutcome } from '../../messages/message.types';

/** Reason to stop a reply from outside: the abort reason of its producer's signal. */
export type StopReason = 'stopped' | 'shutdown' | 'conversation_deleted' | 'lease_lost' | 'locked_out';

type Ending = Pick<ReplyOutcome, 'status' | 'finish_reason' | 'error'>;

export const INTERRUPTED: MessageError = {
  code: 'interrupted',
  message: 'The service was interrupted during this reply.',
  retryable: true,
};

export const DELETED: MessageError = {
  code: 'conversation_deleted',
  message: 'The conversation was deleted during this reply.',
  retryable: false,
};

export const STORAGE_UNAVAILABLE: MessageError = {
  code: 'storage_unavailable',
  message: 'The reply cannot be stored at the moment.',
  retryable: true,
};

/** Retryable: another reply may be one that can be stored. */
const STORAGE_REFUSED: MessageError = {
  code: 'storage_refused',
  message: 'The reply could not be stored as it was written.',
  retryable: true,
};

/** Outcome of a reply that the database rejects on every attempt. */
export const REFUSED: Ending = { status: 'failed', finish_reason: null, error: STORAGE_REFUSED };

/** Error that ends a stream, not the reply: its reader is shown no more events. */
export const SIGNED_OUT: MessageError = {
  code: 'signed_out',
  message: 'The identity that opened this stream is no longer valid.',
  retryable: false,
};

const ENDINGS: Record<StopReason, Ending> = {
  stopped: { status: 'stopped', finish_reason: 'stopped', error: null },
  shutdown: { status: 'interrupted', finish_reason: null, error: INTERRUPTED },
  lease_lost: { status: 'interrupted', finish_reason: null, error: INTERRUPTED },
  conversation_deleted: { status: 'interrupted', finish_reason: null, error: DELETED },
  locked_out: { status: 'stopped', finish_reason: 'stopped', error: null },
};

export function stoppedEnding(reason: StopReason): Ending {
  return ENDINGS[reason];
}

/** Outcome of a reply whose process is gone or does not know it: of the model call only the text is known. */
export function interrupted(tokens: number): ReplyOutcome & { tokens: number } {
  return {
    status: 'interrupted',
    finish_reason: null,
    error: INTERRUPTED,
    usage: null,
    attempts: [],
    tokens,
  };
}

/** Outcome after an error: the text of a truncated stream can be continued (`interrupted`); any other failure is final. */
export function failedEnding(error: unknown): Ending {
  const status = error instanceof LlmError && error.code === 'upstream_incomplete' ? 'interrupted' : 'failed';
  return { status, finish_reason: null, error: messageError(error) };
}

function messageError(error: unknown): MessageError {
  if (error instanceof LlmError) {
    return { code: error.code, message: error.message, retryable: error.retryable };
  }
  if (toAppError(error)?.kind === 'unavailable') return STORAGE_UNAVAILABLE;
  return {
    code: 'internal_error',
    message: 'Something went wrong while the reply was made.',
    retryable: true,
  };
}
