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

/** Timeout for the first word of a model that thinks silently, unless its provider has a timeout of its own. */
const SILENT_THOUGHT_MS = 600_000;

export interface RunRequest {
  userId: string;
  /** `ModelConfig.id` */
  modelId: string;
  /** Models that the id stands for, if it is not in the catalogue. */
  targets?: CatalogueEntry[];
  messages: ModelMessage[];
  settings: ModelSettings;
  /** Slot of the reply, taken of the called model if that has `max_concurrent`. Absent: the call is not counted. */
  slot?: ReplySlot;
}

export type RunLimits = Pick<
  LlmConfig,
  'firstEventTimeoutMs' | 'idleTimeoutMs' | 'totalTimeoutMs' | 'maxRetries' | 'maxReplyChars'
>;

/** Result of one step: a call of a model, tries and fallbacks included. */
export type StepResult = Pick<ModelEnd, 'reason' | 'usage' | 'toolCalls'>;

/** Callbacks of one step. */
export interface StepListener {
  /** Takes the parts as they arrive; never an empty batch. */
  onParts: PartsListener;
  /** Called for each try when it ends. */
  onAttempt: AttemptListener;
}

/**
 * Gets one step of a reply from a model, or from one of its fallbacks. Failed calls are repeated only here, and only before a part was passed
 * on: after that a failure ends the reply. (A call of which the provider refuses a parameter is repeated without it by `OpenAiClient`, within one
 * try.)
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
   * Runs one step. Resolves when the model has ended and all of its parts are taken.
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

  /** Reply of the first model that begins one. If none does, the failure of the requested model is thrown. */
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
          // A fallback in between is skipped if it has no free slot: the next one may have one.
          const waits = index === 0 || index === targets.length - 1;
          if (!(await request.slot.enter(target.model.id, waits, scope.begin().signal))) continue;
        }
        return await this.withBreaker(target, request, scope, listener);
      } catch (error) {
        scope.throwIfOver();
        if (index === 0) failure = error;
        if (scope.streaming || !mayFallBack(error)) throw error;
        // The next model may have no limit.
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
      // A reply without text counts as answered too.
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

/** Whether the model is one of the user's own. */
function isOwn({ targets }: RunRequest): boolean {
  return targets !== undefined;
}

/** Context for this model: the given one was cut for the first model of the request, and counted in `o200k_base`. */
async function contextFor(
  { model }: CatalogueEntry,
  { modelId, messages, settings }: RunRequest,
): Promise<Partial<WeighedContext> & Pick<WeighedContext, 'messages'>> {
  if (model.id === modelId && model.vocabulary === 'o200k') return { messages };
  return newestWithin(await weigh(messages, model), model.contextWindow - reservedOutput(model, settings));
}

/** A shorter context after a refusal of the last one as too long; undefined after another error, or if nothing can be left out. */
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
