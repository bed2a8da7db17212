import { applyDecorators } from '@nestjs/common';
import { ApiSchema } from '@nestjs/swagger';
import { conversationNotFound, unknownModel } from '../conversations/conversation.errors';
import { ProblemBody } from '../errors/problem';
import { Draining } from '../http/draining';
import { ApiId, EXAMPLE_IDS } from '../http/openapi/api-properties';
import { ProblemResponses, ProblemResponsesOf } from '../http/openapi/problem-responses';
import { LlmError, type LlmErrorCode } from '../llm/llm-error';
import { messageNotFound, parentNotAReply, replyInProgress } from '../messages/message.errors';
import { quotaExceeded } from '../users/quotas/quota-exceeded';
import type { MessageError } from '../messages/message.types';
import type { Message } from '../messages/messages.service';
import { conversationGone, invalidResumeId, replyFailed, stopPending } from '../replies/reply.errors';
import { assertFits } from '../turns/context-tokens';
import { INTERRUPTED } from '../replies/events/reply-outcome';

@ApiSchema({ name: 'ReplyProblem', description: 'A problem of a reply; both messages of the turn are kept.' })
class ReplyProblemBody extends ProblemBody {
  @ApiId('reply', { description: 'The reply that failed.' })
  message_id: string;

  @ApiId('userMessage', { description: 'The message it was to answer.' })
  user_message_id: string;
}

const shuttingDown = () => {
  const draining = new Draining();
  draining.begin();
  draining.assertOpen();
};
const quotaUsedUp = () => quotaExceeded();
const tooLong = () => assertFits({ message: 1, prefix: 0, system: 0 }, 0);

const REFUSALS = [
  unknownModel,
  parentNotAReply,
  invalidResumeId,
  conversationNotFound,
  messageNotFound,
  replyInProgress,
  quotaUsedUp,
  tooLong,
];

/** Documents the problems with which a turn is refused. */
export const TurnProblems = () => ProblemResponses(...REFUSALS, shuttingDown, stopPending);

/** Documents the problems of a route that waits for the reply, whose failure is a response as well. */
export const AwaitedTurnProblems = () =>
  applyDecorators(
    ProblemResponses(...REFUSALS, conversationGone),
    ProblemResponsesOf([ReplyProblemBody], failed('provider_unreachable'), failed('provider_timeout')),
    ProblemResponsesOf([ReplyProblemBody, ProblemBody], shuttingDown, stopPending, () =>
      failedWith(INTERRUPTED),
    ),
  );

const failed = (code: LlmErrorCode) => () => failedWith(new LlmError(code));

function failedWith({ code, message, retryable }: MessageError) {
  const { reply: id, userMessage: parent_id } = EXAMPLE_IDS;
  return replyFailed({ id, parent_id, error: { code, message, retryable } } as Message);
}
