import { Injectable } from '@nestjs/common';
import type { ModelSettings } from '../config/models-config';
import { unknownModel } from '../conversations/conversation.errors';
import type { Conversation } from '../conversations/conversations.service';
import type { CatalogueEntry } from '../llm/model-catalogue';
import { ModelDirectory } from '../providers/model-directory';
import { answerRoom, contextBudget } from './context/context-budget';

/** Who is to reply, and how. */
export interface ModelChoice {
  model: string;
  provider: string;
  /** Who that is, if it is a model of the user's own. */
  targets?: CatalogueEntry[];
  settings: ModelSettings;
  /** Tokens that the messages may take, and the answer. */
  budget: number;
  answerRoom: number;
}

type Wishes = { model?: string; settings?: ModelSettings };

/** Of the model's own settings, the conversation's and those of one reply, the last ones count. */
@Injectable()
export class ModelChoices {
  constructor(private readonly models: ModelDirectory) {}

  /** @throws AppError `model_not_found`, `key_unreadable` */
  async choose(userId: string, conversation: Conversation | undefined, wishes: Wishes): Promise<ModelChoice> {
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
  ): Promise<ModelChoice | undefined> {
    const entry = await this.models.resolve(userId, wishes.model ?? conversation?.model);
    if (!entry) return undefined;
    const { model, provider } = entry;
    const settings = { ...model.settings, ...conversation?.settings, ...withoutAbsent(wishes.settings) };
    return {
      model: model.id,
      provider: provider.name,
      targets: provider.guarded ? [entry] : undefined,
      settings,
      budget: contextBudget(model, settings, conversation?.system_prompt),
      answerRoom: answerRoom(model, settings),
    };
  }
}

function withoutAbsent(settings: ModelSettings = {}): ModelSettings {
  return Object.fromEntries(Object.entries(settings).filter(([, value]) => value !== undefined));
}
