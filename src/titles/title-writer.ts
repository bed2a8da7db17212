import { Injectable } from '@nestjs/common';
import { AppConfig, type TitlesConfig } from '../config/app-config';
import type { CatalogueEntry } from '../llm/model-catalogue';
import { LlmError } from '../llm/llm-error';
import { ModelRunner } from '../llm/model-runner';
import { MESSAGE_OVERHEAD_TOKENS } from '../llm/run/context-fit';
import { ModelSlots } from '../llm/slots/model-slots';
import { countTokensInSlices } from '../llm/tokens/sliced-token-count';
import type { StoredUsage } from '../messages/message.types';
import { ModelDirectory } from '../providers/model-directory';
import type { UsedTokens } from '../usage/usage.types';
import { type Said, titleIn, titleMessages } from './title-text';

/** For a title. */
const OUTPUT_TOKENS = 64;
/** For one of a model that thinks first. */
const THINKING_TOKENS = 2_048;
/** A title is long over by then. */
const MOST_WRITTEN = 1_000;

/** The last reply of what is to be named. */
export interface LastReply {
  model: string | null;
  /** It was made by a model of the user's own. */
  own: boolean;
}

/** Who is asked for a title. */
export interface TitleModel {
  id: string;
  /** Of the user's own. */
  targets?: CatalogueEntry[];
  maxOutputTokens: number;
}

export interface WrittenTitle {
  /** Undefined if what the model wrote is none. */
  title: string | undefined;
  used: UsedTokens | undefined;
}

/** Asks a model for titles. */
@Injectable()
export class TitleWriter {
  private readonly titles: TitlesConfig;

  constructor(
    config: AppConfig,
    private readonly models: ModelDirectory,
    private readonly runner: ModelRunner,
    private readonly slots: ModelSlots,
  ) {
    this.titles = config.llm.titles;
  }

  /**
   * What a user's own model has replied is shown to that alone, so that nobody's words go to a provider that they have not chosen. Undefined
   * if there is nobody to ask: the first words are the title.
   */
  async modelFor(userId: string, { model, own }: LastReply): Promise<TitleModel | undefined> {
    if (!this.titles.enabled) return undefined;
    const entry = await this.models.resolve(userId, own ? model : null).catch(() => undefined);
    if (own) return entry?.provider.guarded ? this.asked(entry, [entry]) : undefined;
    const shared = this.titles.model === null ? undefined : this.models.shared(this.titles.model);
    return shared && this.asked(shared);
  }

  /** @throws {LlmError} if no model answers */
  async write(
    userId: string,
    { id, targets, maxOutputTokens }: TitleModel,
    said: readonly Said[],
    signal: AbortSignal,
  ): Promise<WrittenTitle> {
    const messages = titleMessages(said);
    const slot = this.slots.forReply(userId);
    let text = '';
    let model = id;
    try {
      const request = {
        userId,
        modelId: id,
        targets,
        messages,
        slot,
        settings: { max_output_tokens: maxOutputTokens },
      };
      const { usage } = await this.runner.runStep(request, signal, {
        onParts: (parts) => {
          for (const part of parts) if (part.type === 'text' && text.length < MOST_WRITTEN) text += part.text;
          return undefined;
        },
        onAttempt: (attempt) => (model = attempt.model),
      });
      const counted = usage ?? {
        input_tokens: await tokensOf(messages.map(({ content }) => content)),
        output_tokens: await countTokensInSlices(text),
        estimated: true,
      };
      return { title: titleIn(text), used: usedOf(model, counted, targets) };
    } catch (error) {
      // What was counted until then was used as well.
      if (error instanceof LlmError && error.usage)
        return { title: undefined, used: usedOf(model, error.usage, targets) };
      throw error;
    } finally {
      slot.release();
    }
  }

  private asked(entry: CatalogueEntry, targets?: CatalogueEntry[]): TitleModel {
    const { id, reasoning } = entry.model;
    return { id, targets, maxOutputTokens: reasoning ? THINKING_TOKENS : OUTPUT_TOKENS };
  }
}

/** Tokens that a request for a title may take. */
export async function tokensFor(said: readonly Said[], { maxOutputTokens }: TitleModel): Promise<number> {
  return (await tokensOf(titleMessages(said).map(({ content }) => content))) + maxOutputTokens;
}

async function tokensOf(texts: string[]): Promise<number> {
  return (await countTokensInSlices(...texts)) + texts.length * MESSAGE_OVERHEAD_TOKENS;
}

function usedOf(model: string, usage: StoredUsage, targets: CatalogueEntry[] | undefined): UsedTokens {
  return { model, usage: targets ? { ...usage, own: true } : usage };
}
