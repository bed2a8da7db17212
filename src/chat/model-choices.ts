import { Injectable } from '@nestjs/common';
import type { ModelSettings } from '../config/models-config';
import { unknownModel } from '../conversations/conversation.errors';
import type { Conversation } from '../conversations/conversations.service';
import { ModelCatalogue } from '../llm/model-catalogue';
import { contextBudget } from './context/context-budget';

/** Who is to reply, and how. */
export interface ModelChoice {
  model: string;
  provider: string;
  settings: ModelSettings;
  /** Tokens that the messages may take. */
  budget: number;
}

/** Of the model's own settings, the conversation's and those of one reply, the last ones count. */
@Injectable()
export class ModelChoices {
  constructor(private readonly models: ModelCatalogue) {}

  /** @throws AppError `model_not_found` */
  choose(
    conversation: Conversation | undefined,
    wishes: { model?: string; settings?: ModelSettings },
  ): ModelChoice {
    const choice = this.find(conversation, wishes);
    if (!choice) throw unknownModel();
    return choice;
  }

  /** Undefined if there is no such model. */
  find(
    conversation: Conversation | undefined,
    wishes: { model?: string; settings?: ModelSettings },
  ): ModelChoice | undefined {
    const entry = this.models.resolve(wishes.model ?? conversation?.model);
    if (!entry) return undefined;
    const { model, provider } = entry;
    const settings = { ...model.settings, ...conversation?.settings, ...withoutAbsent(wishes.settings) };
    const budget = contextBudget(model, settings, conversation?.system_prompt);
    return { model: model.id, provider: provider.name, settings, budget };
  }
}

function withoutAbsent(settings: ModelSettings = {}): ModelSettings {
  return Object.fromEntries(Object.entries(settings).filter(([, value]) => value !== undefined));
}
