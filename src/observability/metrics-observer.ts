import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client';
import {
  NoopObserver,
  type ObservedAttempt,
  type ObservedBatch,
  type ObservedFirstToken,
  type ObservedJob,
  type ObservedReply,
  type ObservedRequest,
} from './observer';

/** Seconds. */
const STATEMENT_BUCKETS = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1, 5];
const REQUEST_BUCKETS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10, 60];
const FIRST_TOKEN_BUCKETS = [0.05, 0.1, 0.25, 0.5, 1, 2, 4, 8, 16, 32, 64];
const TOKEN_BUCKETS = [0.001, 0.0025, 0.005, 0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 1, 4];
const REPLY_BUCKETS = [0.25, 0.5, 1, 2, 4, 8, 16, 32, 64, 128, 256, 600];
const CHARACTER_BUCKETS = [100, 1_000, 10_000, 100_000, 1_000_000, 10_000_000];

/** The label of all models and providers that users have brought: their names have no bound. */
const OWN = 'own';
const NONE = 'none';

/**
 * Counts what it is told in the metrics of `docs/operate.md`. Labels are of the configuration or of the code, so that the number of series is bounded: no user,
 * conversation or address, and no model that a user has brought.
 */
export class MetricsObserver extends NoopObserver {
  readonly registry = new Registry();
  private readonly registers = [this.registry];

  private readonly requests = new Counter({
    name: 'parley_http_requests_total',
    help: 'Answers that have ended, by the template of their route.',
    labelNames: ['method', 'route', 'status'] as const,
    registers: this.registers,
  });
  private readonly requestSeconds = new Histogram({
    name: 'parley_http_request_duration_seconds',
    help: 'Until an answer has ended; streams are as long as they are read.',
    labelNames: ['route'] as const,
    buckets: REQUEST_BUCKETS,
    registers: this.registers,
  });
  private readonly attempts = new Counter({
    name: 'parley_model_attempts_total',
    help: 'Calls of models, by their outcome: ok, aborted or the code of the failure.',
    labelNames: ['provider', 'model', 'outcome'] as const,
    registers: this.registers,
  });
  private readonly firstTokenSeconds = new Histogram({
    name: 'parley_first_token_seconds',
    help: 'From the begin of a reply to its first token: waiting for a slot, retries and fallbacks included.',
    labelNames: ['model'] as const,
    buckets: FIRST_TOKEN_BUCKETS,
    registers: this.registers,
  });
  private readonly tokenSeconds = new Histogram({
    name: 'parley_token_seconds',
    help: 'Mean time of a token after the first one, per reply.',
    labelNames: ['model'] as const,
    buckets: TOKEN_BUCKETS,
    registers: this.registers,
  });
  private readonly replies = new Counter({
    name: 'parley_replies_total',
    help: 'Replies that have ended.',
    labelNames: ['model', 'status', 'error'] as const,
    registers: this.registers,
  });
  private readonly replySeconds = new Histogram({
    name: 'parley_reply_duration_seconds',
    help: 'From the begin of a reply until it is stored.',
    labelNames: ['status'] as const,
    buckets: REPLY_BUCKETS,
    registers: this.registers,
  });
  private readonly tokens = new Counter({
    name: 'parley_tokens_total',
    help: 'Tokens of replies. Reasoning is part of output, cached_input of input.',
    labelNames: ['model', 'kind'] as const,
    registers: this.registers,
  });
  private readonly queueSeconds = new Histogram({
    name: 'parley_queue_wait_seconds',
    help: 'From the turn to the start of its reply, where it had to wait.',
    buckets: REPLY_BUCKETS,
    registers: this.registers,
  });
  private readonly openAnswers = new Gauge({
    name: 'parley_readers',
    help: 'Answers that stay open: streams, sockets, what these read, and requests that wait for a reply.',
    registers: this.registers,
  });
  private readonly batchSeconds = new Histogram({
    name: 'parley_journal_batch_seconds',
    help: 'Until a batch of the journal is stored, retries included.',
    buckets: STATEMENT_BUCKETS,
    registers: this.registers,
  });
  private readonly batchCharacters = new Histogram({
    name: 'parley_journal_batch_characters',
    help: 'Length of the events of a batch.',
    buckets: CHARACTER_BUCKETS,
    registers: this.registers,
  });
  private readonly batchReplies = new Histogram({
    name: 'parley_journal_batch_replies',
    help: 'Replies that have events in a batch.',
    buckets: [1, 2, 5, 10, 25, 50, 100, 250, 1_000],
    registers: this.registers,
  });
  private readonly statementSeconds = new Histogram({
    name: 'parley_database_statement_seconds',
    help: 'Until the result or the error of a statement.',
    buckets: STATEMENT_BUCKETS,
    registers: this.registers,
  });
  private readonly leases = new Counter({
    name: 'parley_leases_lost_total',
    help: 'Others have taken this process for dead, and closed its replies.',
    registers: this.registers,
  });
  private readonly jobSeconds = new Histogram({
    name: 'parley_job_duration_seconds',
    help: 'Attempts at jobs, by their outcome.',
    labelNames: ['type', 'outcome'] as const,
    buckets: REPLY_BUCKETS,
    registers: this.registers,
  });

  constructor(version: string) {
    super();
    // Memory, processor time, event loop and collector, under the names that everybody uses.
    collectDefaultMetrics({ register: this.registry });
    new Gauge({
      name: 'parley_info',
      help: 'Always 1; the version is a label.',
      labelNames: ['version'] as const,
      registers: this.registers,
    }).set({ version }, 1);
  }

  override requestEnded({ method, route = NONE, status, ms }: ObservedRequest): void {
    this.requests.inc({ method, route, status });
    this.requestSeconds.observe({ route }, ms / 1000);
  }

  override attemptEnded({ outcome, ...attempt }: ObservedAttempt): void {
    const { own, provider } = attempt;
    this.attempts.inc({ provider: own ? OWN : provider, model: modelOf(attempt), outcome });
  }

  override firstToken({ ms, ...first }: ObservedFirstToken): void {
    this.firstTokenSeconds.observe({ model: modelOf(first) }, ms / 1000);
  }

  override replyEnded(reply: ObservedReply): void {
    const model = modelOf(reply);
    const { status, error, usage, duration_ms: ms } = reply;
    this.replies.inc({ model, status, error: error ?? NONE });
    if (ms !== null) this.replySeconds.observe({ status }, ms / 1000);
    if (!usage) return;
    this.tokens.inc({ model, kind: 'input' }, usage.input_tokens);
    this.tokens.inc({ model, kind: 'output' }, usage.output_tokens);
    this.tokens.inc({ model, kind: 'reasoning' }, usage.reasoning_tokens ?? 0);
    this.tokens.inc({ model, kind: 'cached_input' }, usage.cached_input_tokens ?? 0);
    const seconds = secondsPerToken(reply.attempts.at(-1), usage.output_tokens);
    if (seconds !== undefined) this.tokenSeconds.observe({ model }, seconds);
  }

  override batchCommitted({ replies, characters, ms }: ObservedBatch): void {
    this.batchSeconds.observe(ms / 1000);
    this.batchCharacters.observe(characters);
    this.batchReplies.observe(replies);
  }

  override queueWait(ms: number): void {
    this.queueSeconds.observe(ms / 1000);
  }

  override queryTime(ms: number): void {
    this.statementSeconds.observe(ms / 1000);
  }

  override leaseLost(): void {
    this.leases.inc();
  }

  override readers(open: number): void {
    this.openAnswers.set(open);
  }

  override jobEnded({ type, outcome, ms }: ObservedJob): void {
    this.jobSeconds.observe({ type, outcome }, ms / 1000);
  }
}

function modelOf({ own, model }: { own: boolean; model: string | null }): string {
  return own ? OWN : (model ?? NONE);
}

/** Undefined where there is no second token, or no first one. */
function secondsPerToken(attempt: ObservedAttempt | undefined, tokens: number): number | undefined {
  if (!attempt || attempt.first_event_ms === null || tokens < 2) return undefined;
  return (attempt.duration_ms - attempt.first_event_ms) / (tokens - 1) / 1000;
}
