import { Injectable, Logger } from '@nestjs/common';
import type { ModelSettings } from '../../config/models-config';
import type { ModelMessage, TokenUsage } from '../../llm/llm-client';
import type { CatalogueEntry } from '../../llm/model-catalogue';
import { LlmError } from '../../llm/llm-error';
import { ModelRunner, type StepResult } from '../../llm/model-runner';
import type { ModelAttempt } from '../../llm/run/attempt';
import { ModelSlots } from '../../llm/slots/model-slots';
import type { ReplySlot } from '../../llm/slots/reply-slot';
import { isTextLike, type MessagePart } from '../../messages/content/parts';
import { replyRef } from '../../messages/message.types';
import type { Message } from '../../messages/messages.service';
import { ReplyContent, textOf } from '../../messages/content/reply-content';
import { MESSAGE_OVERHEAD_TOKENS } from '../../llm/run/context-fit';
import { countTokensInSlices } from '../../llm/tokens/sliced-token-count';
import { NoopObserver, Observer } from '../../observability/observer';
import { DeltaCoalescer } from './delta-coalescer';
import { deltaEvent, startEvent } from '../events/event-codec';
import { ReplyFinalizer, type ReplyResult } from './reply-finalizer';
import { failedEnding, stoppedEnding, type StopReason } from '../events/reply-outcome';
import { ReplyLog } from '../log/reply-log';
import { ActiveReplies } from './active-replies';

/** A stored reply that is to be produced. */
export type ReplyToWrite = Pick<
  Message,
  'id' | 'conversation_id' | 'user_id' | 'parent_id' | 'model' | 'start_places'
> & {
  /** Registration id under which this process has opened the reply. */
  instance_id: string;
};

/** Input for the production of a reply. */
export interface ReplyJob {
  reply: ReplyToWrite;
  /** Loads the messages for the model, oldest first. */
  context: () => Promise<ModelMessage[]>;
  settings: ModelSettings;
  /** Models to call, if the model is not one of the catalogue. */
  targets?: CatalogueEntry[];
  /** Parts that the reply starts with: those of the reply that it continues. */
  prefix?: MessagePart[];
  /** Slot of the model, held if that has a limit; released when the reply is closed. */
  slot: ReplySlot;
}

/** State of a reply while it is produced. */
interface Progress {
  result: ReplyResult;
  /** Adds deltas to the content of `result`. */
  coalescer: DeltaCoalescer;
  /** Number of events that show the prefix. */
  prefixEvents: number;
  /** Messages that the model is sent. */
  messages: ModelMessage[];
}

/** Maximum number of steps: a step is a call of a model, and of the tools that it then requests. One, until models are offered tools. */
const MAX_STEPS = 1;

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
    private readonly observer: Observer = new NoopObserver(),
  ) {}

  /** Slot of a reply that is to be started: it is not taken yet. */
  slotFor(userId: string): ReplySlot {
    return this.slots.forReply(userId);
  }

  /** Opens the reply's log and produces the reply in the background. */
  start(job: ReplyJob): void {
    const { reply } = job;
    const content = new ReplyContent();
    const written = { ...replyRef(reply), instanceId: reply.instance_id };
    this.log.open(written, startEvent(reply), content);
    const ids = { conversation_id: reply.conversation_id, message_id: reply.id };
    this.active.start(written, (signal) =>
      this.observer
        .traceReply(ids, async () =>
          this.finalizer.finalize(written, await this.produce(job, content, signal)),
        )
        .finally(() => job.slot.release()),
    );
  }

  /** Runs the model and appends the reply to the log, from the prefix on. A failure of the model becomes the reply's ending. */
  private async produce(job: ReplyJob, content: ReplyContent, signal: AbortSignal): Promise<ReplyResult> {
    const { reply, targets } = job;
    const startedAt = performance.now();
    const result: ReplyResult = {
      content,
      attempts: [],
      usage: null,
      ending: undefined,
      startedAt,
      firstPartAt: undefined,
      providerWords: undefined,
      own: targets !== undefined,
    };
    const coalescer = new DeltaCoalescer(content);
    const progress: Progress = { result, coalescer, prefixEvents: 0, messages: [] };
    try {
      await this.prepare(job, progress);
      for (let step = 0; step < MAX_STEPS; step++) {
        const { reason, usage, toolCalls } = await this.runStep(job, progress, signal);
        result.usage = usage;
        signal.throwIfAborted();
        result.ending = { status: 'completed', finish_reason: reason, error: null };
        if (!toolCalls.length) break;
      }
    } catch (error) {
      result.ending = signal.aborted
        ? stoppedEnding(signal.reason as StopReason)
        : this.failure(reply, error);
      if (error instanceof LlmError) {
        result.usage = error.usage;
        result.providerWords = error.providerText;
      }
    }
    await this.showRest(reply.id, progress);
    if (content.eventCount > progress.prefixEvents || wasStopped(result))
      result.usage ??= await estimatedUsage(progress, job.prefix);
    if (result.usage && targets) result.usage = { ...result.usage, own: true };
    return result;
  }

  /** Shows the prefix of the reply, and loads the messages that the model is sent. */
  private async prepare({ reply, context, prefix = [] }: ReplyJob, progress: Progress): Promise<void> {
    const { coalescer, result } = progress;
    const deltas = [...coalescer.add(prefix), ...coalescer.flush()];
    progress.prefixEvents = result.content.eventCount;
    if (deltas.length) await this.log.append(reply.id, deltas.map(deltaEvent));
    progress.messages = [...(await context()), ...prefixMessage(prefix)];
  }

  private async runStep(
    { reply, targets, settings, slot }: ReplyJob,
    { result, coalescer, messages }: Progress,
    signal: AbortSignal,
  ): Promise<StepResult> {
    const { id, user_id: userId, model } = reply;
    const request = { userId, modelId: model ?? '', targets, messages, settings, slot };
    return this.runner.runStep(request, signal, {
      onParts: (parts) => {
        result.firstPartAt ??= performance.now();
        const deltas = coalescer.add(parts);
        return deltas.length ? this.log.append(id, deltas.map(deltaEvent)) : undefined;
      },
      onAttempt: (attempt, failure) => {
        result.attempts.push(attempt);
        if (failure) this.logger.warn(failedCall(id, attempt, failure), 'A model call failed');
      },
    });
  }

  /** Shows the deltas that are held back. If they cannot be logged, they are shown with the message, which has them. */
  private async showRest(messageId: string, { coalescer }: Progress): Promise<void> {
    const rest = coalescer.flush();
    if (rest.length) await this.log.append(messageId, rest.map(deltaEvent))?.catch(() => undefined);
  }

  /** Ending after an error. That of a model call is logged with the call, and the end of the reply by the `Observer`; any other error only here. */
  private failure(reply: ReplyToWrite, error: unknown) {
    if (!(error instanceof LlmError))
      this.logger.warn({ message_id: reply.id, err: error }, 'A reply could not be produced');
    return failedEnding(error);
  }
}

/** Fields of the log line of a failed call. The provider's request id gets another name, since `request_id` in the log is our own. */
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
 * Usage of a reply that the provider did not count: a stopped or cut off one, or one of a provider that never counts. A prefix was not written
 * by this call: it counts as input, with which it is sent. The caller leaves out replies without new text, unless they were stopped.
 */
async function estimatedUsage(
  { messages, result }: Progress,
  prefix: readonly MessagePart[] = [],
): Promise<TokenUsage> {
  const inputs = messages.map(({ content }) => content);
  const shown = await countTokensInSlices(...textsOf(result.content.parts));
  const before = await countTokensInSlices(...textsOf(prefix));
  return {
    input_tokens: (await countTokensInSlices(...inputs)) + messages.length * MESSAGE_OVERHEAD_TOKENS,
    output_tokens: Math.max(0, shown - before),
    estimated: true,
  };
}

function textsOf(parts: readonly MessagePart[]): string[] {
  return parts.filter(isTextLike).map(({ text }) => text);
}
