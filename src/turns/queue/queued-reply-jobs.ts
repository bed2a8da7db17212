import { Injectable, Logger } from '@nestjs/common';
import type { StartedTurn } from '../../messages/queue.service';
import { prefixTokens } from '../context-tokens';
import { ContextLoader } from '../context';
import { ModelResolver, type ResolvedModel } from '../model-resolver';
import type { ReplyJob } from '../../replies/produce/reply-producer';

/** What queued replies are made from, once it is their turn: the conversation as it is then. */
@Injectable()
export class QueuedReplyJobs {
  private readonly logger = new Logger(QueuedReplyJobs.name);

  constructor(
    private readonly choices: ModelResolver,
    private readonly context: ContextLoader,
  ) {}

  /** Never throws: the reply is begun, and has to end. */
  async jobFor(turn: StartedTurn): Promise<ReplyJob> {
    const { conversation, reply, request } = turn;
    const { settings, begun: prefix } = request;
    const choice = await this.choose(turn);
    const context = async () =>
      this.context.load({
        systemPrompt: conversation.system_prompt,
        leafId: reply.parent_id ?? '',
        contextTokens: (choice?.contextTokens ?? 0) - prefixTokens(prefix),
        contextFrom: conversation.context_from,
      });
    return {
      reply,
      // A model that is not there any more fails when it is asked.
      context: choice ? context : () => Promise.resolve([]),
      settings: choice?.settings ?? settings,
      targets: choice?.targets,
      prefix,
    };
  }

  private async choose({ conversation, reply, request }: StartedTurn): Promise<ResolvedModel | undefined> {
    const wishes = { model: reply.model ?? undefined, settings: request.settings };
    try {
      return await this.choices.find(conversation.user_id, conversation, wishes);
    } catch (error) {
      this.logger.warn({ message_id: reply.id, err: error }, 'The model of a queued reply cannot be had');
      return undefined;
    }
  }
}
