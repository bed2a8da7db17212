import { Injectable, Logger } from '@nestjs/common';
import type { BegunTurn } from '../../messages/queue.service';
import { begunTokens } from '../context/context-budget';
import { ContextLoader } from '../context/context-loader';
import { ModelChoices, type ModelChoice } from '../model-choices';
import type { ReplyRequest } from '../reply/reply-generator';

/** What queued replies are made from, once it is their turn: the conversation as it is then. */
@Injectable()
export class QueuedRequests {
  private readonly logger = new Logger(QueuedRequests.name);

  constructor(
    private readonly choices: ModelChoices,
    private readonly context: ContextLoader,
  ) {}

  /** Never throws: the reply is begun, and has to end. */
  async of(turn: BegunTurn): Promise<ReplyRequest> {
    const { conversation, reply, request } = turn;
    const { settings, begun } = request;
    const choice = await this.choose(turn);
    const context = async () =>
      this.context.load({
        systemPrompt: conversation.system_prompt,
        leafId: reply.parent_id ?? '',
        budget: (choice?.budget ?? 0) - begunTokens(begun),
        contextFrom: conversation.context_from,
      });
    return {
      reply,
      // A model that is not there any more fails when it is asked.
      context: choice ? context : () => Promise.resolve([]),
      settings: choice?.settings ?? settings,
      targets: choice?.targets,
      begun,
    };
  }

  private async choose({ conversation, reply, request }: BegunTurn): Promise<ModelChoice | undefined> {
    const wishes = { model: reply.model ?? undefined, settings: request.settings };
    try {
      return await this.choices.find(conversation.user_id, conversation, wishes);
    } catch (error) {
      this.logger.warn({ message_id: reply.id, err: error }, 'The model of a queued reply cannot be had');
      return undefined;
    }
  }
}
