/** A call of a model that has ended. Times are milliseconds from its start. */
export interface ObservedAttempt {
  /** Name of the provider, which may be a user's own. */
  provider: string;
  model: string;
  /** The user has brought the provider. */
  own: boolean;
  /** Which try it was at this model, from 1. */
  try: number;
  /** `ok`, `aborted`, `internal_error` or the code of the failure. */
  outcome: string;
  /** Until the provider's answer began; absent if it did not. */
  first_byte_ms?: number;
  /** Until the first part of the reply; null if there was none. */
  first_event_ms: number | null;
  duration_ms: number;
}

/** The first part of a step of a reply. */
export interface ObservedFirstToken {
  provider: string;
  model: string;
  own: boolean;
  /** Milliseconds since the step began: waiting for a slot, retries and fallbacks included. */
  ms: number;
}

/** A committed batch of the journal. */
export interface ObservedBatch {
  /** Replies that have events in it. */
  replies: number;
  /** Length of the events as JSON, in UTF-16 units. */
  characters: number;
  /** Milliseconds for the statement, retries included. */
  ms: number;
}

/** A request that has just come. */
export interface IncomingRequest {
  method: string;
  /** As the client has sent it, whatever it is. */
  traceparent: string | undefined;
}

/** A reply that this process begins to produce. */
export interface ProducedReply {
  conversation_id: string;
  message_id: string;
}

/** A model that is about to be called. */
export interface AskedModel {
  provider: string;
  model: string;
  /** The user has brought the provider. */
  own: boolean;
}

/** An answer that has ended, or whose client has left. */
export interface ObservedRequest {
  method: string;
  /** Template of its route, such as `/api/v1/messages/:id`; undefined if it had none. */
  route: string | undefined;
  status: number;
  ms: number;
}

/** An attempt at a job. */
export interface ObservedJob {
  type: string;
  outcome: 'done' | 'failed';
  ms: number;
}

/** Tokens of a reply. */
export interface ObservedUsage {
  input_tokens: number;
  output_tokens: number;
  reasoning_tokens?: number;
  cached_input_tokens?: number;
  /** Counted by this service, since the provider has not said. */
  estimated: boolean;
}

/** A reply that has ended. */
export interface ObservedReply {
  conversation_id: string;
  message_id: string;
  status: 'completed' | 'stopped' | 'interrupted' | 'failed';
  finish_reason: string | null;
  /** Code of its error; null if it has none. */
  error: string | null;
  /** What the provider wrote of the error, without secrets and what the request says. For the operator's log. */
  provider_words?: string;
  /** The model and the provider that answered, or were asked last; null if none was. They may be a user's own. */
  model: string | null;
  provider: string | null;
  /** The user has brought the provider. */
  own: boolean;
  attempts: readonly ObservedAttempt[];
  usage: ObservedUsage | null;
  /** Milliseconds since this process began to produce it; null if there was no part, or another process has produced it. */
  first_token_ms: number | null;
  /** The same until it was stored. */
  duration_ms: number | null;
  /** Present if others have closed or deleted it meanwhile, so that what is told here is not what is stored. */
  unsaved?: true;
}

/**
 * PORT: what can be measured of this process. It is told what has happened, by the code that did it; where the numbers go is a matter of the
 * implementation, of which `NoopObserver` is the default. Implementations return at once and never throw. Nothing is told per token, and nothing
 * of what people or models write. Names of models and providers may be those of users, so their number has no bound.
 */
export abstract class Observer {
  /** Does the work of a request, so that what is told meanwhile is known to belong to it. Called by `logRequests`. */
  abstract traceRequest(request: IncomingRequest, work: () => void): void;

  /** The same of a reply. Called by `ReplyProducer`. */
  abstract traceReply<T>(reply: ProducedReply, work: () => Promise<T>): Promise<T>;

  /**
   * The same of one try at a model. Called by `ModelRunner`.
   * @param work is given the `traceparent` that the provider is to be sent, if it is to be sent one
   */
  abstract traceAttempt<T>(asked: AskedModel, work: (traceparent?: string) => Promise<T>): Promise<T>;

  /** Called by `logRequests`, once for each request. */
  abstract requestEnded(request: ObservedRequest): void;

  /** Called by `ModelRunner`, once for each try. */
  abstract attemptEnded(attempt: ObservedAttempt): void;

  /** Called by `ModelRunner`, once for each step that has a part. */
  abstract firstToken(first: ObservedFirstToken): void;

  /** Called by `JournalWriter`. */
  abstract batchCommitted(batch: ObservedBatch): void;

  /** Called by `ReplyFinalizer`, once for each reply that this process has produced, or closed in the place of one that is gone. */
  abstract replyEnded(reply: ObservedReply): void;

  /** Called by `QueuedReplyStarter`. `ms`: from the turn to the start of its reply, by the clocks of the processes that did the two. */
  abstract queueWait(ms: number): void;

  /** Called for each statement on a connection of the pool, `BEGIN` and `COMMIT` included. `ms`: until its result, or its error. */
  abstract queryTime(ms: number): void;

  /** Called by `InstanceService`: others have taken this process for dead and closed its replies. */
  abstract leaseLost(): void;

  /** Called by `OpenAnswers` at each change. `open`: answers that stay open now, such as streams, sockets, what these read, and waiting requests. */
  abstract readers(open: number): void;

  /** Called by `PgBossQueue`, once for each attempt. */
  abstract jobEnded(job: ObservedJob): void;
}

/** Measures nothing. An observer of a few things overrides what it wants to hear of. */
export class NoopObserver extends Observer {
  traceRequest(_request: IncomingRequest, work: () => void): void {
    work();
  }
  traceReply<T>(_reply: ProducedReply, work: () => Promise<T>): Promise<T> {
    return work();
  }
  traceAttempt<T>(_asked: AskedModel, work: (traceparent?: string) => Promise<T>): Promise<T> {
    return work();
  }
  requestEnded(_request: ObservedRequest): void {}
  attemptEnded(_attempt: ObservedAttempt): void {}
  firstToken(_first: ObservedFirstToken): void {}
  batchCommitted(_batch: ObservedBatch): void {}
  replyEnded(_reply: ObservedReply): void {}
  queueWait(_ms: number): void {}
  queryTime(_ms: number): void {}
  leaseLost(): void {}
  readers(_open: number): void {}
  jobEnded(_job: ObservedJob): void {}
}
