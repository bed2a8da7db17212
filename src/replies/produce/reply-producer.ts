import { Injectable, Logger } from '@nestjs/common';
import type { ModelSettings } from '../../config/models-config';
import type { ModelMessage, ModelPart, TokenUsage } from '../../llm/llm-client';
import type { CatalogueEntry } from '../../llm/model-catalogue';
import { ModelRunner } from '../../llm/model-runner';
import { countTokens } from '../../llm/tokens/token-counter';
import type { MessagePart, WrittenReply } from '../../messages/message.types';
import type { Message } from '../../messages/messages.service';
import { ReplyContent, textOf, type ReplyDelta } from '../../messages/reply-content';
import { messageTokens } from '../../messages/message-tokens';
import { DeltaCoalescer } from './delta-coalescer';
import { deltaEvent, startEvent } from '../events/event-codec';
import { ReplyFinalizer, type ReplyResult } from './reply-finalizer';
import { failedEnding, stoppedEnding, type StopReason } from '../events/reply-outcome';
import { ReplyLog } from '../log/reply-log';
import { ActiveReplies } from './active-replies';

/** A stored reply that is to be written. */
export type ReplyToWrite = Pick<Message, 'id' | 'conversation_id' | 'user_id' | 'parent_id' | 'model'> & {
  /** The registration under which this process has opened it. */
  instance_id: string;
};

/** All that a reply is made from. */
export interface ReplyJob {
  reply: ReplyToWrite;
  /** What the model is to see, oldest first. */
  context: () => Promise<ModelMessage[]>;
  settings: ModelSettings;
  /** Who answers, if it is not a model of the catalogue. */
  targets?: CatalogueEntry[];
  /** What it begins with: the text of a reply that it goes on with. */
  prefix?: MessagePart[];
}

/** A reply as far as it is made. */
interface Progress {
  result: ReplyResult;
  /** The way into its content. */
  coalescer: DeltaCoalescer;
}

/** Produces replies: model → numbered events → log, and closes them. Nobody waits for it, and readers come and go. */
@Injectable()
export class ReplyProducer {
  private readonly logger = new Logger(ReplyProducer.name);

  constructor(
    private readonly running: ActiveReplies,
    private readonly runner: ModelRunner,
    private readonly log: ReplyLog,
    private readonly closer: ReplyFinalizer,
  ) {}

  /** Opens the reply's log and goes on in the background. */
  start(request: ReplyJob): void {
    const { reply } = request;
    const { id: messageId, conversation_id: conversationId, user_id: userId } = reply;
    const content = new ReplyContent();
    this.log.open(messageId, { userId, instanceId: reply.instance_id, start: startEvent(reply), content });
    this.running.start({ messageId, conversationId, userId }, (signal) =>
      this.produce(request, content, signal),
    );
  }

  private async produce(
    { reply, context, settings, targets, prefix = [] }: ReplyJob,
    content: ReplyContent,
    signal: AbortSignal,
  ): Promise<void> {
    const result: ReplyResult = { content, attempts: [], usage: null, ending: undefined };
    const coalescer = new DeltaCoalescer(content);
    let messages: ModelMessage[] = [];
    const said = [...coalescer.add(prefix), ...coalescer.flush()];
    const { length } = content;
    try {
      if (said.length) await this.log.append(reply.id, said.map(deltaEvent));
      messages = [...(await context()), ...prefixMessage(prefix)];
      await this.generate({ reply, targets, settings }, messages, { result, coalescer }, signal);
    } catch (error) {
      result.ending = signal.aborted
        ? stoppedEnding(signal.reason as StopReason)
        : this.failure(reply, error);
    }
    const rest = coalescer.flush();
    // If it cannot be logged, it is shown with the message that holds it.
    if (rest.length) await this.log.append(reply.id, rest.map(deltaEvent))?.catch(() => undefined);
    if (content.length > length || wasStopped(result)) result.usage ??= estimatedUsage(messages, content);
    if (result.usage && targets) result.usage = { ...result.usage, own: true };
    await this.closer.finalize(writtenReply(reply), result);
  }

  private async generate(
    { reply, targets, settings }: Omit<ReplyJob, 'context'>,
    messages: ModelMessage[],
    progress: Progress,
    signal: AbortSignal,
  ): Promise<void> {
    const request = { modelId: reply.model ?? '', targets, messages, settings };
    await this.runner.run(request, signal, {
      onParts: (parts) => this.append(reply.id, parts, progress),
      onAttempt: (attempt) => void progress.result.attempts.push(attempt),
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

  private failure(reply: ReplyToWrite, error: unknown) {
    this.logger.warn({ message_id: reply.id, err: error }, 'A reply failed');
    return failedEnding(error);
  }
}

function writtenReply({ id, user_id, instance_id }: ReplyToWrite): WrittenReply {
  return { message_id: id, user_id, instance_id };
}

function isDelta(part: ModelPart): part is ModelPart & ReplyDelta {
  return part.type !== 'finish';
}

/** A model that was asked has read what it was asked, whether or not somebody stopped it before its first word. */
function wasStopped({ ending, attempts }: ReplyResult): boolean {
  return ending?.status === 'stopped' && attempts.some(({ outcome }) => outcome === 'aborted');
}

/** A model that is to go on with a reply is shown it as its own last message (`ModelRequest.messages`). */
function prefixMessage(parts: MessagePart[]): ModelMessage[] {
  const content = textOf(parts);
  return content ? [{ role: 'assistant', content }] : [];
}

/** For what the provider did not count: a reply that was stopped, cut off, or came from one that never counts. Without a word nothing is charged. */
function estimatedUsage(messages: ModelMessage[], content: ReplyContent): TokenUsage {
  return {
    input_tokens: messages.reduce((sum, message) => sum + messageTokens(message.content), 0),
    output_tokens: content.parts.reduce((sum, part) => sum + countTokens(part.text), 0),
    estimated: true,
  };
}
