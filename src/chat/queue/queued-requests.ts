import { Injectable } from '@nestjs/common';
import type { BegunTurn } from '../../messages/queue.service';
import { ContextLoader } from '../context/context-loader';
import { ModelChoices } from '../model-choices';
import type { ReplyRequest } from '../reply/reply-generator';

/** What queued replies are made from, once it is their turn: the conversation as it is then. */
@Injectable()
export class QueuedRequests {
  constructor(
    private readonly choices: ModelChoices,
    private readonly context: ContextLoader,
  ) {}

  of({ conversation, reply, request: { settings, begun } }: BegunTurn): ReplyRequest {
    const choice = this.choices.find(conversation, { model: reply.model ?? undefined, settings });
    const context = {
      systemPrompt: conversation.system_prompt,
      leafId: reply.parent_id ?? '',
      // A model that is not there any more fails when it is asked.
      budget: choice?.budget ?? 0,
      contextFrom: conversation.context_from,
    };
    return {
      reply,
      context: () => this.context.load(context),
      settings: choice?.settings ?? settings,
      begun,
    };
  }
}
