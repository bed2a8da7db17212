import type { LlmConfig } from '../config/app-config';
import { thinksSilently } from '../config/model-defaults';
import type { ModelSettings } from '../config/models-config';
import type { ModelEnd, ModelMessage, ModelPart, ModelRequest, PartsListener } from './llm-client';
import type { LlmClients } from './llm-clients';
import { isLoading, LlmError } from './llm-error';
import type { CatalogueEntry, ModelCatalogue } from './model-catalogue';
import { NoopObserver, Observer } from '../observability/observer';
import { pause } from './pause';
import { type StreamReply, Attempt, type AttemptListener } from './run/attempt';
import { newestWithin, reservedOutput, sum, weigh, type WeighedContext } from './run/context-fit';
import type { CircuitBreakers } from './run/circuit-breakers';
import { MaxLength } from './run/max-length';
import { backoffMs, isWorthRetrying, mayFallBack } from './run/retry-policy';
import { RunDeadline } from './run/run-deadline';
import type { StreamTimeouts } from './run/watchdog';
import type { ReplySlot } from './slots/reply-slot';

/** For the first word of a model that thinks before it, unless its provider has a limit of its own. */
const SILENT_THOUGHT_MS = 600_000;

export interface RunRequest {
  userId: string;
  /** `ModelConfig.id` */
  modelId: string;
  /** What it stands for, if it is not of the catalogue. */
  targets?: CatalogueEntry[];
  messages: ModelMessage[];
  settings: ModelSettings;
  /** Holds a slot of the model that is called, if that has `max_concurrent`. Absent: nobody counts. */
  slot?: ReplySlot;
}

export type RunLimits = Pick<
  LlmConfig,
  'firstEventTimeoutMs' | 'idleTimeoutMs' | 'totalTimeoutMs' | 'maxRetries' | 'maxReplyChars'
>;

/** One call of a model that has ended, tries and fallbacks included. */
export type StepResult = Pick<ModelEnd, 'reason' | 'usage' | 'toolCalls'>;

/** Hears of one step. */
export interface StepListener {
  /** What the model writes, as it arrives. Never empty. */
  onParts: PartsListener;
  /** Every try, as it ends. */
  onAttempt: AttemptListener;
}

/**
 * Gets one step of a reply from a model, or from another one that may stand in for it. A failed call is tried again
 * here alone, and only as long as nothing was handed on: after that a failure ends the reply. (A call that refuses one of its parameters is
 * sent without it by `OpenAiClient`, within one try.)
 */
export class ModelRunner {
  constructor(
    private readonly catalogue: ModelCatalogue,
    private readonly clients: LlmClients,
    private readonly breakers: CircuitBreakers,
    private readonly limits: RunLimits,
    private readonly observer: Observer = new NoopObserver(),
  ) {}

  /**
   * Resolves when the model has ended and all that it wrote is taken.
   * @throws {LlmError} if the reply fails; `signal.reason` if the signal aborts; what the listener throws
   */
  async runStep(request: RunRequest, signal: AbortSignal, listener: StepListener): Promise<StepResult> {
    const scope = new RunDeadline(signal, this.limits.totalTimeoutMs, (attempt, failure) => {
      this.observer.attemptEnded({ ...attempt, own: isOwn(request) });
      listener.onAttempt(attempt, failure);
    });
    const limit = new MaxLength(this.limits.maxReplyChars);
    try {
      return await this.withFallback(request, scope, (parts) => limit.check(parts, listener.onParts));
    } finally {
      scope.close();
    }
  }

  /** The first model that begins a reply. If none does, the failure of the one that was asked for counts. */
  private async withFallback(
    request: RunRequest,
    scope: RunDeadline,
    listener: PartsListener,
  ): Promise<ModelEnd> {
    const targets = request.targets ?? this.catalogue.candidates(request.modelId);
    let failure: unknown;
    for (const [index, target] of targets.entries()) {
      try {
        if (target.model.maxConcurrent && request.slot) {
          // In between it is passed over: the next one may have a slot.
          const waits = index === 0 || index === targets.length - 1;
          if (!(await request.slot.enter(target.model.id, waits, scope.begin().signal))) continue;
        }
        return await this.withBreaker(target, request, scope, listener);
      } catch (error) {
        scope.throwIfOver();
        if (index === 0) failure = error;
        if (scope.streaming || !mayFallBack(error)) throw error;
        // Whoever takes over may be without a limit.
        request.slot?.release();
      }
    }
    throw failure ?? new LlmError('provider_model_not_found');
  }

  private async withBreaker(
    target: CatalogueEntry,
    request: RunRequest,
    scope: RunDeadline,
    listener: PartsListener,
  ): Promise<ModelEnd> {
    const { userId } = request;
    const breaker = this.breakers.of(target);
    breaker.enter(userId);
    const answered = () => {
      breaker.settle(userId, 'ok');
      scope.streaming = true;
    };
    const take = (parts: ModelPart[]) => {
      if (!scope.streaming) {
        answered();
        this.observer.firstToken({
          ...namesOf(target),
          own: isOwn(request),
          ms: performance.now() - scope.startedAt,
        });
      }
      return listener(parts);
    };
    try {
      const end = await this.withRetry(target, request, scope, take);
      // A reply without a word.
      if (!scope.streaming) answered();
      return end;
    } catch (error) {
      if (!scope.streaming) breaker.settle(userId, error instanceof LlmError ? error : undefined);
      throw error;
    }
  }

  private async withRetry(
    target: CatalogueEntry,
    request: RunRequest,
    scope: RunDeadline,
    listener: PartsListener,
  ): Promise<ModelEnd> {
    const began = performance.now();
    const { firstEventMs } = this.timeoutsOf(target);
    let context = await contextFor(target, request);
    let isShortened = false;
    for (let retry = 0; ; retry++) {
      try {
        return await this.attempt(
          target,
          { messages: context.messages, settings: request.settings, own: isOwn(request) },
          scope,
          listener,
        );
      } catch (error) {
        scope.throwIfOver();
        if (scope.streaming) throw error;
        const shorter = isShortened ? undefined : await afterRefusal(target, context, error);
        if (shorter) {
          context = shorter;
          isShortened = true;
          retry--;
          continue;
        }
        if (!isWorthRetrying(error)) throw error;
        const isWaitedFor = isLoading(error) && performance.now() - began < firstEventMs;
        if (retry >= this.limits.maxRetries && !isWaitedFor) throw error;
        await pause(backoffMs(error, retry), scope.begin().signal);
      }
    }
  }

  private async attempt(
    target: CatalogueEntry,
    { own, ...asked }: Pick<ModelRequest, 'messages' | 'settings'> & { own: boolean },
    scope: RunDeadline,
    listener: PartsListener,
  ): Promise<ModelEnd> {
    const attempt = this.newAttempt(target, scope);
    const client = this.clients.for(target.provider);
    return this.observer.traceAttempt({ ...namesOf(target), own }, (traceparent) => {
      const ask: StreamReply = (signal, take, onHead) =>
        client.stream({ ...target, ...asked, onHead, traceparent }, signal, take);
      return attempt.run(ask, listener);
    });
  }

  private newAttempt(target: CatalogueEntry, scope: RunDeadline): Attempt {
    return new Attempt(target, {
      controller: scope.begin(),
      listener: scope.onAttempt,
      number: scope.countTry(target.model.id),
      timeouts: this.timeoutsOf(target),
    });
  }

  private timeoutsOf({ provider, model }: CatalogueEntry): StreamTimeouts {
    const { firstEventTimeoutMs } = this.limits;
    const usual = thinksSilently(model.name)
      ? Math.max(SILENT_THOUGHT_MS, firstEventTimeoutMs)
      : firstEventTimeoutMs;
    return {
      firstEventMs: provider.firstEventTimeoutMs ?? usual,
      idleMs: provider.idleTimeoutMs ?? this.limits.idleTimeoutMs,
    };
  }
}

function namesOf({ provider, model }: CatalogueEntry) {
  return { provider: provider.name, model: model.id };
}

/** Whether the user has brought the model. */
function isOwn({ targets }: RunRequest): boolean {
  return targets !== undefined;
}

/** What this model is to see of the context, which was made for the first model of the request, and counted in `o200k_base`. */
async function contextFor(
  { model }: CatalogueEntry,
  { modelId, messages, settings }: RunRequest,
): Promise<Partial<WeighedContext> & Pick<WeighedContext, 'messages'>> {
  if (model.id === modelId && model.vocabulary === 'o200k') return { messages };
  return newestWithin(await weigh(messages, model), model.contextWindow - reservedOutput(model, settings));
}

/** A shorter context, for a model that has refused the length of the last one; undefined for another refusal, or where nothing can be left out. */
async function afterRefusal(
  { model }: CatalogueEntry,
  { messages, costs }: Partial<WeighedContext> & Pick<WeighedContext, 'messages'>,
  error: unknown,
): Promise<WeighedContext | undefined> {
  if (!(error instanceof LlmError) || error.code !== 'context_length_exceeded') return undefined;
  const context = costs ? { messages, costs } : await weigh(messages, model);
  const shorter = newestWithin(context, Math.floor(sum(context.costs) * (error.fittingShare ?? 0.5)));
  return shorter.messages.length < messages.length ? shorter : undefined;
}
