import { Injectable, Logger } from '@nestjs/common';
import type { ModelSettings } from '../../config/models-config';
import type { ModelMessage, ModelPart, TokenUsage } from '../../llm/llm-client';
import type { CatalogueEntry } from '../../llm/model-catalogue';
import { ModelRunner } from '../../llm/model-runner';
import { countTokens } from '../../llm/tokens/token-counter';
import { MESSAGE_OVERHEAD_TOKENS } from '../../messages/context-path';
import type { MessagePart } from '../../messages/message.types';
import type { Message } from '../../messages/messages.service';
import { ReplyContent, textOf, type ReplyDelta } from '../../messages/reply-content';
import { deltaEvent, startEvent } from './reply-event';
import { ReplyCloser, type ReplyResult } from './reply-closer';
import { failedEnding, stoppedEnding } from './reply-outcome';
import { ReplyLog } from './reply-log';
import { RunningReplies, type StopReason } from './running-replies';

/** A stored reply that is to be written. */
export type OpenReply = Pick<
  Message,
  'id' | 'conversation_id' | 'user_id' | 'parent_id' | 'model' | 'instance_id'
>;

/** All that a reply is made from. */
export interface ReplyRequest {
  reply: OpenReply;
  /** What the model is to see, oldest first. */
  context: () => Promise<ModelMessage[]>;
  settings: ModelSettings;
  /** Who answers, if it is not a model of the catalogue. */
  targets?: CatalogueEntry[];
  /** What it begins with: the text of a reply that it goes on with. */
  begun?: MessagePart[];
}

/** Produces replies: model → numbered events → log, and closes them. Nobody waits for it, and readers come and go. */
@Injectable()
export class ReplyGenerator {
  private readonly logger = new Logger(ReplyGenerator.name);

  constructor(
    private readonly running: RunningReplies,
    private readonly runner: ModelRunner,
    private readonly log: ReplyLog,
    private readonly closer: ReplyCloser,
  ) {}

  /** Opens the reply's log and goes on in the background. */
  start(request: ReplyRequest): void {
    const { reply } = request;
    const { id: messageId, conversation_id: conversationId, user_id: userId } = reply;
    const content = new ReplyContent();
    this.log.open(messageId, { instanceId: reply.instance_id ?? '', start: startEvent(reply), content });
    this.running.start({ messageId, conversationId, userId }, (signal) =>
      this.produce(request, content, signal),
    );
  }

  private async produce(
    { reply, context, settings, targets, begun = [] }: ReplyRequest,
    content: ReplyContent,
    signal: AbortSignal,
  ): Promise<void> {
    const result: ReplyResult = { content, attempts: [], usage: null, ending: undefined };
    let messages: ModelMessage[] = [];
    begun.forEach((part) => content.add(part));
    const { length } = content;
    try {
      if (begun.length) await this.log.append(reply.id, begun.map(deltaEvent));
      messages = [...(await context()), ...asBegun(begun)];
      await this.generate({ reply, targets, settings }, messages, result, signal);
    } catch (error) {
      result.ending = signal.aborted
        ? stoppedEnding(signal.reason as StopReason)
        : this.failure(reply, error);
    }
    if (content.length > length || wasStopped(result)) result.usage ??= estimatedUsage(messages, content);
    if (result.usage && targets) result.usage = { ...result.usage, own: true };
    await this.closer.close(reply.id, result);
  }

  private async generate(
    { reply, targets, settings }: Omit<ReplyRequest, 'context'>,
    messages: ModelMessage[],
    result: ReplyResult,
    signal: AbortSignal,
  ): Promise<void> {
    const request = { modelId: reply.model ?? '', targets, messages, settings };
    await this.runner.run(request, signal, {
      onParts: (parts) => this.append(reply.id, parts, result),
      onAttempt: (attempt) => void result.attempts.push(attempt),
    });
    signal.throwIfAborted();
  }

  private append(messageId: string, parts: ModelPart[], result: ReplyResult): Promise<void> | undefined {
    const last = parts.at(-1);
    if (last?.type === 'finish') {
      result.usage = last.usage;
      result.ending = { status: 'completed', finish_reason: last.reason, error: null };
    }
    const deltas = parts.filter(isDelta);
    for (const delta of deltas) result.content.add(delta);
    return deltas.length ? this.log.append(messageId, deltas.map(deltaEvent)) : undefined;
  }

  private failure(reply: OpenReply, error: unknown) {
    this.logger.warn({ message_id: reply.id, err: error }, 'A reply failed');
    return failedEnding(error);
  }
}

function isDelta(part: ModelPart): part is ModelPart & ReplyDelta {
  return part.type !== 'finish';
}

/** A model that was asked has read what it was asked, whether or not somebody stopped it before its first word. */
function wasStopped({ ending, attempts }: ReplyResult): boolean {
  return ending?.status === 'stopped' && attempts.some(({ outcome }) => outcome === 'aborted');
}

/** A model that is to go on with a reply is shown it as its own last message (`ModelRequest.messages`). */
function asBegun(parts: MessagePart[]): ModelMessage[] {
  const content = textOf(parts);
  return content ? [{ role: 'assistant', content }] : [];
}

/** For what the provider did not count: a reply that was stopped, cut off, or came from one that never counts. Without a word nothing is charged. */
function estimatedUsage(messages: ModelMessage[], content: ReplyContent): TokenUsage {
  return {
    input_tokens: messages.reduce(
      (sum, { content: shown }) => sum + countTokens(shown) + MESSAGE_OVERHEAD_TOKENS,
      0,
    ),
    output_tokens: content.parts.reduce((sum, part) => sum + countTokens(part.text), 0),
    estimated: true,
  };
}
