import { Injectable } from '@nestjs/common';
import type { ModelSettings } from '../config/models-config';
import { unknownModel } from '../conversations/conversation.errors';
import type { Conversation } from '../conversations/conversations.service';
import type { CatalogueEntry } from '../llm/model-catalogue';
import { ModelDirectory } from '../providers/model-directory';
import { reservedOutput } from '../llm/run/context-fit';
import { systemTokens } from './context-tokens';

/** The model that is to reply, with its settings and token limits. */
export interface ResolvedModel {
  model: string;
  provider: string;
  /** Catalogue entry of the model, if it is one of the user's own. */
  targets?: CatalogueEntry[];
  /** Settings of the request and the conversation only: a fallback may not share those of the model itself. */
  settings: ModelSettings;
  /** Token budget of the messages: the model's window less the system prompt and the tokens kept free for the answer. */
  contextTokens: number;
  systemTokens: number;
  maxOutputTokens: number;
}

type ModelOptions = { model?: string; settings?: ModelSettings };

/**
 * Resolves the model of a reply (the request's, else the conversation's, else the default of `ModelCatalogue`) and its settings: those of the
 * request override the conversation's.
 */
@Injectable()
export class ModelResolver {
  constructor(private readonly models: ModelDirectory) {}

  /** @throws AppError `model_not_found`, `key_unreadable` */
  async resolve(
    userId: string,
    conversation: Conversation | undefined,
    options: ModelOptions,
  ): Promise<ResolvedModel> {
    const resolved = await this.find(userId, conversation, options);
    if (!resolved) throw unknownModel();
    return resolved;
  }

  /**
   * The model of a reply, as `resolve`; undefined if this user has no such model.
   * @throws AppError `key_unreadable`
   */
  async find(
    userId: string,
    conversation: Conversation | undefined,
    options: ModelOptions,
  ): Promise<ResolvedModel | undefined> {
    const entry = await this.models.resolve(userId, options.model ?? conversation?.model);
    if (!entry) return undefined;
    const { model, provider } = entry;
    const settings = { ...conversation?.settings, ...withoutAbsent(options.settings) };
    return {
      model: model.id,
      provider: provider.name,
      targets: provider.guarded ? [entry] : undefined,
      settings,
      contextTokens:
        model.contextWindow - reservedOutput(model, settings) - systemTokens(conversation?.system_prompt),
      systemTokens: systemTokens(conversation?.system_prompt),
      maxOutputTokens: reservedOutput(model, settings),
    };
  }
}

function withoutAbsent(settings: ModelSettings = {}): ModelSettings {
  return Object.fromEntries(Object.entries(settings).filter(([, value]) => value !== undefined));
}
