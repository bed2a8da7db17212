import { Injectable } from '@nestjs/common';
import { AppConfig } from '../config/app-config';
import type { ModelSettings } from '../config/models-config';
import { ConversationsService, type Conversation } from '../conversations/conversations.service';
import { unknownModel } from '../conversations/conversation.errors';
import { ModelCatalogue } from '../llm/model-catalogue';
import { countTokens } from '../llm/tokens/token-counter';
import { TurnsService, type Turn } from '../messages/turns.service';
import { assertFits, contextBudget } from './context/context-budget';
import { contentOf, type StartChatDto } from './dto/send-message.dto';
import { ReplyGenerator } from './reply/reply-generator';

/** A turn: what is asked is stored, and the reply to it runs. */
@Injectable()
export class ChatService {
  constructor(
    private readonly conversations: ConversationsService,
    private readonly models: ModelCatalogue,
    private readonly turns: TurnsService,
    private readonly replies: ReplyGenerator,
    private readonly config: AppConfig,
  ) {}

  /**
   * Stores the message and starts the reply. All that can be refused is refused here, before anything is stored.
   * @throws AppError `validation_failed`, `conversation_not_found`, `message_not_found`, `model_not_found`, `context_length_exceeded`,
   *   `reply_in_progress`
   */
  async startTurn(userId: string, request: StartChatDto): Promise<Turn> {
    const content = contentOf(request, this.config.chat.maxContentChars);
    const conversation = await this.existing(userId, request.conversation_id);
    const resolved = this.models.resolve(request.model ?? conversation?.model ?? undefined);
    if (!resolved) throw unknownModel();
    const { model, provider } = resolved;
    const settings = { ...model.settings, ...conversation?.settings, ...withoutAbsent(request.settings) };
    const systemPrompt = conversation?.system_prompt ?? null;
    const budget = contextBudget(model, settings, systemPrompt);
    const tokens = countTokens(content);
    assertFits(tokens, budget);

    const turn = await this.turns.open({
      userId,
      conversationId: conversation?.id,
      conversation: request.model ? { model: model.id } : {},
      parentId: request.parent_id,
      content,
      tokens,
      model: model.id,
      provider: provider.name,
    });
    const contextFrom = turn.conversation.context_from;
    const context = { systemPrompt, leafId: turn.userMessageId, budget, contextFrom };
    this.replies.start({ turn, context, settings });
    return turn;
  }

  private async existing(userId: string, id: string | undefined): Promise<Conversation | undefined> {
    return id ? this.conversations.get(userId, id) : undefined;
  }
}

function withoutAbsent(settings?: ModelSettings | null): ModelSettings {
  return Object.fromEntries(Object.entries(settings ?? {}).filter(([, value]) => value !== undefined && value !== null));
}

