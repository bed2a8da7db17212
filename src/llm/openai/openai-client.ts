import { Logger } from '@nestjs/common';
import type { Agent } from 'undici';
import type { LlmConfig } from '../../config/app-config';
import { PROVIDER_BOUNDS } from '../../config/bounds';
import type { ProviderConfig } from '../../config/models-config';
import { OutboundGuard } from '../../outbound/outbound-guard';
import {
  type AnswerHead,
  LlmClient,
  type ModelEnd,
  type ModelRequest,
  type PartsListener,
} from '../llm-client';
import { LlmError } from '../llm-error';
import { type BodyKind, kindOf } from './body-kind';
import { modelNames } from './model-list';
import {
  createAgent,
  ProviderConnection,
  type ProviderRequest,
  type ProviderResponse,
} from './provider-connection';
import { requestFailure, requestIdOf } from './provider-failure';
import { readAtMost } from './read-at-most';
import { ReplyNormaliser } from './reply-normaliser';
import { RefusedParameters } from './refused-parameters';
import { requestBody } from './request-body';
import { HeldBytes } from './held-bytes';
import { Scrubber } from './scrubber';
import { StreamBudget, type StreamLimits, streamLimits } from './stream-budget';
import { StreamReader } from './stream-reader';
import { takeWholeReply } from './whole-reply';

/** Each leaves out one parameter more. */
const MOST_REPETITIONS = 5;

/** Any provider that speaks OpenAI's chat completions (decision 005 says why without its SDK). */
export class OpenAiClient extends LlmClient {
  private readonly logger = new Logger(OpenAiClient.name);
  private readonly agent: Agent;
  private readonly guardedAgent: Agent;
  private readonly connections = new WeakMap<ProviderConfig, ProviderConnection>();
  /** What models refuse, by their provider's names of them. */
  private readonly refused = new WeakMap<ProviderConfig, Map<string, RefusedParameters>>();
  private readonly limits: StreamLimits;

  /**
   * @param guard what is called for users goes through it
   * @param held what the whole process holds of providers' answers
   */
  constructor(
    config: Pick<LlmConfig, 'connectTimeoutMs' | 'maxReplyChars'>,
    private readonly guard = new OutboundGuard(),
    private readonly held: HeldBytes = new HeldBytes(),
  ) {
    super();
    this.limits = streamLimits(config.maxReplyChars);
    this.agent = createAgent({ timeout: config.connectTimeoutMs });
    this.guardedAgent = createAgent(guard.connector(config.connectTimeoutMs));
  }

  async stream(request: ModelRequest, signal: AbortSignal, listener: PartsListener): Promise<ModelEnd> {
    const take: PartsListener = (parts) => {
      signal.throwIfAborted();
      return listener(parts);
    };
    const call = new ProviderCall(new Scrubber(request.provider, request), request);
    try {
      return await this.read(request, call, signal, take);
    } catch (error) {
      // Whatever an aborted connection fails with.
      throw call.failure(signal.aborted ? signal.reason : error);
    }
  }

  /**
   * The names that a provider gives its models, as it answers them.
   * @throws {LlmError}, or `signal.reason` if the signal aborts
   */
  async models(provider: ProviderConfig, signal: AbortSignal): Promise<string[]> {
    const call = new ProviderCall(new Scrubber(provider));
    try {
      const response = await this.sent({ path: '/models', signal }, provider, call);
      const text = await readAtMost(response.body, PROVIDER_BOUNDS.checkBytes.limit, this.held);
      signal.throwIfAborted();
      return modelNames(text);
    } catch (error) {
      throw call.failure(signal.aborted ? signal.reason : error);
    }
  }

  /** Closes every connection; for the end of the process. */
  async close(): Promise<void> {
    await Promise.all([this.agent.destroy(), this.guardedAgent.destroy()]);
  }

  private async read(
    request: ModelRequest,
    call: ProviderCall,
    signal: AbortSignal,
    take: PartsListener,
  ): Promise<ModelEnd> {
    const { scrub } = call;
    const response = await this.ask(request, call, signal);
    const goesOn = request.messages.at(-1)?.role === 'assistant';
    const normaliser = new ReplyNormaliser(request.model, goesOn);
    const isEventType = isEventStream(response);
    const usual: BodyKind = isEventType ? 'events' : 'whole';
    const kind = (await response.body.look((first) => kindOf(first, isEventType))) ?? usual;
    if (kind === 'events') {
      const budget = new StreamBudget(this.limits, this.held);
      return new StreamReader(response.body, normaliser, scrub, take, budget).read();
    }
    const text = await readAtMost(response.body, this.limits.eventBytes, this.held);
    return takeWholeReply({ text, status: response.status }, normaliser, scrub, take);
  }

  /**
   * A request that is refused for one of its parameters is made once more without it: it would be refused for ever otherwise.
   * @throws {LlmError}
   */
  private async ask(
    request: ModelRequest,
    call: ProviderCall,
    signal: AbortSignal,
  ): Promise<ProviderResponse> {
    const { model, provider } = request;
    const refused = this.refusedBy(request);
    for (let repetition = 0; ; repetition++) {
      const fields = refused.without(requestBody(request));
      const asked = { path: '/chat/completions', body: JSON.stringify(fields), signal };
      try {
        return await this.send(asked, provider, call);
      } catch (error) {
        const failure = requestFailure(error, call.scrub);
        const parameter = failure.code === 'provider_bad_request' && refused.learn(error, fields);
        if (!parameter || repetition === MOST_REPETITIONS) throw failure;
        this.logger.warn(
          { provider: provider.name, model: model.id, parameter },
          'A model refuses a parameter, which it is not sent any more',
        );
      }
    }
  }

  private refusedBy({ provider, model }: ModelRequest): RefusedParameters {
    const models = this.refused.get(provider) ?? new Map<string, RefusedParameters>();
    this.refused.set(provider, models);
    const known = models.get(model.name) ?? new RefusedParameters();
    models.set(model.name, known);
    return known;
  }

  /** @throws {LlmError} for a refusal */
  private async sent(
    request: ProviderRequest,
    provider: ProviderConfig,
    call: ProviderCall,
  ): Promise<ProviderResponse> {
    try {
      return await this.send(request, provider, call);
    } catch (error) {
      throw requestFailure(error, call.scrub);
    }
  }

  private send(
    request: ProviderRequest,
    provider: ProviderConfig,
    call: ProviderCall,
  ): Promise<ProviderResponse> {
    const connection = this.connectionTo(provider);
    const send = () => connection.send({ ...request, ...call.options });
    return provider.guarded ? this.guard.onBehalfOf(provider.guarded.userId, send) : send();
  }

  private connectionTo(provider: ProviderConfig): ProviderConnection {
    const known = this.connections.get(provider);
    if (known) return known;
    const agent = provider.guarded ? this.guardedAgent : this.agent;
    const connection = new ProviderConnection(provider, agent, this.held);
    this.connections.set(provider, connection);
    return connection;
  }
}

/** One request, and what is known of it when it fails. */
class ProviderCall {
  private head: AnswerHead | undefined;

  constructor(
    readonly scrub: Scrubber,
    private readonly request: Pick<ModelRequest, 'onHead' | 'traceparent'> = {},
  ) {}

  get options(): Pick<ProviderRequest, 'traceparent' | 'onHead'> {
    return { traceparent: this.request.traceparent, onHead: (response) => this.begin(response) };
  }

  /** A failure with what the provider's answer and its address say of it. */
  failure(error: unknown): unknown {
    if (!(error instanceof LlmError)) return error;
    const { scrub, head } = this;
    const { reason } = error.detail ?? {};
    if (reason !== undefined) error.detail = { ...error.detail, reason: scrub.word(reason) };
    return error.addDetail({
      url: scrub.url(),
      status: head?.status,
      request_id: scrub.word(head?.requestId),
    });
  }

  private begin({ status, headers }: Pick<ProviderResponse, 'status' | 'headers'>): void {
    this.head = { status, requestId: this.scrub.id(requestIdOf(headers)) };
    this.request.onHead?.(this.head);
  }
}

function isEventStream(response: ProviderResponse): boolean {
  return /^text\/event-stream\b/i.test(response.headers.get('content-type') ?? '');
}
