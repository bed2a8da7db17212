import { Injectable, Logger } from '@nestjs/common';
import type { ModelSettings } from '../../config/models-config';
import type { ModelMessage, ModelPart, TokenUsage } from '../../llm/llm-client';
import type { CatalogueEntry } from '../../llm/model-catalogue';
import { LlmError } from '../../llm/llm-error';
import { ModelRunner } from '../../llm/model-runner';
import type { ModelAttempt } from '../../llm/run/attempt';
import { ModelSlots } from '../../llm/slots/model-slots';
import type { ReplySlot } from '../../llm/slots/reply-slot';
import { replyRef, type MessagePart } from '../../messages/message.types';
import type { Message } from '../../messages/messages.service';
import { ReplyContent, textOf, type ReplyDelta } from '../../messages/reply-content';
import { MESSAGE_OVERHEAD_TOKENS } from '../../llm/run/context-fit';
import { countTokensInSlices } from '../../llm/tokens/sliced-token-count';
import { DeltaCoalescer } from './delta-coalescer';
import { deltaEvent, startEvent } from '../events/event-codec';
import { ReplyFinalizer, type ReplyResult } from './reply-finalizer';
import { failedEnding, stoppedEnding, type StopReason } from '../events/reply-outcome';
import { ReplyLog } from '../log/reply-log';
import { ActiveReplies } from './active-replies';

/** A stored reply that is to be produced. */
export type ReplyToWrite = Pick<Message, 'id' | 'conversation_id' | 'user_id' | 'parent_id' | 'model'> & {
  /** Registration id under which this process has opened the reply. */
  instance_id: string;
};

/** Everything that a reply is produced from. */
export interface ReplyJob {
  reply: ReplyToWrite;
  /** Loads the messages for the model, oldest first. */
  context: () => Promise<ModelMessage[]>;
  settings: ModelSettings;
  /** Models to call, if the model is not one of the catalogue. */
  targets?: CatalogueEntry[];
  /** Parts that the reply starts with: those of the reply that it continues. */
  prefix?: MessagePart[];
  /** With the slot of its model, if that has a limit. Released when the reply is closed. */
  slot: ReplySlot;
}

/** State of a reply while it is produced. */
interface Progress {
  result: ReplyResult;
  /** Adds deltas to the content of `result`. */
  coalescer: DeltaCoalescer;
}

/**
 * Produces replies: model → numbered events → log, and closes them. Runs in the background, whether or not there are readers.
 * Called by `SendMessage` and `TurnQueue`.
 */
@Injectable()
export class ReplyProducer {
  private readonly logger = new Logger(ReplyProducer.name);

  constructor(
    private readonly active: ActiveReplies,
    private readonly runner: ModelRunner,
    private readonly log: ReplyLog,
    private readonly finalizer: ReplyFinalizer,
    private readonly slots: ModelSlots,
  ) {}

  /** For a reply that is to be started: it holds no slot yet. */
  slotFor(userId: string): ReplySlot {
    return this.slots.forReply(userId);
  }

  /** Opens the reply's log and produces the reply in the background. */
  start(request: ReplyJob): void {
    const { reply } = request;
    const content = new ReplyContent();
    const written = { ...replyRef(reply), instanceId: reply.instance_id };
    this.log.open(written, startEvent(reply), content);
    this.active.start(written, (signal) =>
      this.produce(request, content, signal)
        .then((result) => this.finalizer.finalize(written, result))
        .finally(() => request.slot.release()),
    );
  }

  /** What the model says, appended to the log meanwhile. A failure of the model is the reply's ending. */
  private async produce(
    { reply, context, settings, targets, prefix = [], slot }: ReplyJob,
    content: ReplyContent,
    signal: AbortSignal,
  ): Promise<ReplyResult> {
    const result: ReplyResult = { content, attempts: [], usage: null, ending: undefined };
    const coalescer = new DeltaCoalescer(content);
    let messages: ModelMessage[] = [];
    const prefixDeltas = [...coalescer.add(prefix), ...coalescer.flush()];
    const { length: prefixLength } = content;
    try {
      if (prefixDeltas.length) await this.log.append(reply.id, prefixDeltas.map(deltaEvent));
      messages = [...(await context()), ...prefixMessage(prefix)];
      await this.generate({ reply, targets, settings, slot }, messages, { result, coalescer }, signal);
    } catch (error) {
      result.ending = signal.aborted
        ? stoppedEnding(signal.reason as StopReason)
        : this.failure(reply, result, error);
      if (error instanceof LlmError) result.usage = error.usage;
    }
    const rest = coalescer.flush();
    // If the rest cannot be logged, it is shown with the message, which holds it.
    if (rest.length) await this.log.append(reply.id, rest.map(deltaEvent))?.catch(() => undefined);
    if (content.length > prefixLength || wasStopped(result))
      result.usage ??= await estimatedUsage(messages, content);
    if (result.usage && targets) result.usage = { ...result.usage, own: true };
    return result;
  }

  private async generate(
    { reply, targets, settings, slot }: Omit<ReplyJob, 'context'>,
    messages: ModelMessage[],
    progress: Progress,
    signal: AbortSignal,
  ): Promise<void> {
    const request = {
      userId: reply.user_id,
      modelId: reply.model ?? '',
      targets,
      messages,
      settings,
      slot,
    };
    await this.runner.run(request, signal, {
      onParts: (parts) => this.append(reply.id, parts, progress),
      onAttempt: (attempt, failure) => {
        progress.result.attempts.push(attempt);
        if (failure) this.logger.warn(failedCall(reply.id, attempt, failure), 'A model call failed');
      },
    });
    signal.throwIfAborted();
  }

  private append(
    messageId: string,
    parts: ModelPart[],
    { result, coalescer }: Progress,
  ): Promise<void> | undefined {
    const last = parts.at(-1);
    if (last?.type === 'finish') {
      result.usage = last.usage;
      result.ending = { status: 'completed', finish_reason: last.reason, error: null };
    }
    const deltas = coalescer.add(parts.filter(isDelta));
    return deltas.length ? this.log.append(messageId, deltas.map(deltaEvent)) : undefined;
  }

  private failure(reply: ReplyToWrite, { attempts }: ReplyResult, error: unknown) {
    const { model, provider } = attempts.at(-1) ?? { model: reply.model, provider: undefined };
    // What a model call failed with has been logged with the call.
    const why =
      error instanceof LlmError ? { code: error.code, reason: error.detail?.reason } : { err: error };
    this.logger.warn({ message_id: reply.id, model, provider, ...why }, 'A reply failed');
    return failedEnding(error);
  }
}

/** All that helps to find out why a provider failed. `request_id` on a line of the log is our own. */
function failedCall(messageId: string, attempt: ModelAttempt, { detail, providerText }: LlmError) {
  const { outcome, request_id, ...facts } = attempt;
  return {
    message_id: messageId,
    code: outcome,
    ...facts,
    url: detail?.url,
    provider_request_id: request_id,
    provider_words: providerText,
  };
}

function isDelta(part: ModelPart): part is ModelPart & ReplyDelta {
  return part.type !== 'finish';
}

/** Whether the reply was stopped after a model was called: the model has read its input then, even without a first token. */
function wasStopped({ ending, attempts }: ReplyResult): boolean {
  return ending?.status === 'stopped' && attempts.some(({ outcome }) => outcome === 'aborted');
}

/** The text that a model is to continue, as the model's own last message (`ModelRequest.messages`). */
function prefixMessage(parts: MessagePart[]): ModelMessage[] {
  const content = textOf(parts);
  return content ? [{ role: 'assistant', content }] : [];
}

/**
 * Usage for replies that the provider did not count: stopped or cut off ones, and those of providers that never count. Without any
 * text nothing is charged.
 */
async function estimatedUsage(messages: ModelMessage[], content: ReplyContent): Promise<TokenUsage> {
  const inputs = messages.map((message) => message.content);
  const outputs = content.parts.map((part) => part.text);
  return {
    input_tokens: (await countTokensInSlices(...inputs)) + messages.length * MESSAGE_OVERHEAD_TOKENS,
    output_tokens: await countTokensInSlices(...outputs),
    estimated: true,
  };
}
