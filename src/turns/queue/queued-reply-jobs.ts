import { Injectable, Logger } from '@nestjs/common';
import type { StartedTurn } from '../../messages/queue.service';
import { prefixTokens } from '../context-tokens';
import { ContextLoader } from '../context';
import { ModelResolver, type ResolvedModel } from '../model-resolver';
import type { ReplyJob } from '../../replies/produce/reply-producer';

/** Builds the jobs of queued replies when their turn has come, from the conversation as it is then. Called by `TurnQueue`. */
@Injectable()
export class QueuedReplyJobs {
  private readonly logger = new Logger(QueuedReplyJobs.name);

  constructor(
    private readonly models: ModelResolver,
    private readonly context: ContextLoader,
  ) {}

  /** Job of a queued reply. Never throws: the reply has been started, and has to end. */
  async jobFor(turn: StartedTurn): Promise<Omit<ReplyJob, 'slot'>> {
    const { conversation, reply, request } = turn;
    const { settings, begun: prefix } = request;
    const model = await this.resolveModel(turn);
    const prefixed = await prefixTokens(prefix);
    const context = async () =>
      this.context.load({
        systemPrompt: conversation.system_prompt,
        userId: reply.user_id,
        leafId: reply.parent_id ?? '',
        contextTokens: (model?.contextTokens ?? 0) - prefixed,
        contextFrom: conversation.context_from,
      });
    return {
      reply,
      // A reply whose model no longer exists fails when the model is called.
      context: model ? context : () => Promise.resolve([]),
      settings: model?.settings ?? settings,
      targets: model?.targets,
      prefix,
    };
  }

  private async resolveModel({
    conversation,
    reply,
    request,
  }: StartedTurn): Promise<ResolvedModel | undefined> {
    const options = { model: reply.model ?? undefined, settings: request.settings };
    try {
      return await this.models.find(conversation.user_id, conversation, options);
    } catch (error) {
      this.logger.warn({ message_id: reply.id, err: error }, 'The model of a queued reply cannot be had');
      return undefined;
    }
  }
}
