import { Injectable } from '@nestjs/common';
import type { ModelSettings } from '../config/models-config';
import { unknownModel } from '../conversations/conversation.errors';
import type { Conversation } from '../conversations/conversations.service';
import type { CatalogueEntry } from '../llm/model-catalogue';
import { ModelDirectory } from '../providers/model-directory';
import { maxOutputTokens, contextTokens } from './context-tokens';

/** Who is to reply, and how. */
export interface ResolvedModel {
  model: string;
  provider: string;
  /** Who that is, if it is a model of the user's own. */
  targets?: CatalogueEntry[];
  settings: ModelSettings;
  /** Tokens that the messages may take, and the answer. */
  contextTokens: number;
  maxOutputTokens: number;
}

type Wishes = { model?: string; settings?: ModelSettings };

/** Of the model's own settings, the conversation's and those of one reply, the last ones count. */
@Injectable()
export class ModelResolver {
  constructor(private readonly models: ModelDirectory) {}

  /** @throws AppError `model_not_found`, `key_unreadable` */
  async resolve(
    userId: string,
    conversation: Conversation | undefined,
    wishes: Wishes,
  ): Promise<ResolvedModel> {
    const choice = await this.find(userId, conversation, wishes);
    if (!choice) throw unknownModel();
    return choice;
  }

  /**
   * Undefined if this user has no such model.
   * @throws AppError `key_unreadable`
   */
  async find(
    userId: string,
    conversation: Conversation | undefined,
    wishes: Wishes,
  ): Promise<ResolvedModel | undefined> {
    const entry = await this.models.resolve(userId, wishes.model ?? conversation?.model);
    if (!entry) return undefined;
    const { model, provider } = entry;
    const settings = { ...model.settings, ...conversation?.settings, ...withoutAbsent(wishes.settings) };
    return {
      model: model.id,
      provider: provider.name,
      targets: provider.guarded ? [entry] : undefined,
      settings,
      contextTokens: contextTokens(model, settings, conversation?.system_prompt),
      maxOutputTokens: maxOutputTokens(model, settings),
    };
  }
}

function withoutAbsent(settings: ModelSettings = {}): ModelSettings {
  return Object.fromEntries(Object.entries(settings).filter(([, value]) => value !== undefined));
}
