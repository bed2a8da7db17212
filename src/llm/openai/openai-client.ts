import { Logger } from '@nestjs/common';
import OpenAI from 'openai';
import type { ChatCompletionCreateParamsStreaming } from 'openai/resources/chat/completions';
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
import { createAgent, providerFetch, type ProviderInit, type ProviderResponse } from './provider-fetch';
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

/**
 * Any provider that speaks OpenAI's chat completions. The SDK makes the request and reads refusals; the stream is decoded
 * here, because the SDK's decoder is silent about some failures and takes most of the time of a token.
 */
export class OpenAiClient extends LlmClient {
  private readonly logger = new Logger(OpenAiClient.name);
  private readonly agent: Agent;
  private readonly guardedAgent: Agent;
  private readonly connections = new WeakMap<ProviderConfig, OpenAI>();
  /** What models refuse, by their provider's names of them. */
  private readonly refused = new WeakMap<ProviderConfig, Map<string, RefusedParameters>>();
  private readonly limits: StreamLimits;

  /**
   * @param guard what is called for users goes through it
   * @param held what the whole process holds of providers' answers
   */
  constructor(
    private readonly config: Pick<LlmConfig, 'connectTimeoutMs' | 'totalTimeoutMs' | 'maxReplyChars'>,
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
      const sdk = this.connectionTo(provider);
      const response = await sent(async () => sdk.get('/models', call.options(signal)).asResponse(), call);
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
    const { completions } = this.connectionTo(provider).chat;
    const refused = this.refusedBy(request);
    for (let repetition = 0; ; repetition++) {
      const fields = refused.without(requestBody(request));
      // The SDK's types know OpenAI's words only.
      const body = fields as unknown as ChatCompletionCreateParamsStreaming;
      try {
        const response: unknown = await completions.create(body, call.options(signal)).asResponse();
        return response as ProviderResponse;
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

  private connectionTo(provider: ProviderConfig): OpenAI {
    const known = this.connections.get(provider);
    if (known) return known;
    const connection = this.connect(provider);
    this.connections.set(provider, connection);
    return connection;
  }

  private connect(provider: ProviderConfig): OpenAI {
    const { apiKey, headers } = provider;
    return new OpenAI({
      baseURL: provider.baseUrl,
      apiKey: apiKey ?? 'none',
      // Otherwise it is taken from the environment: it belongs to OpenAI, and this may be another provider.
      adminAPIKey: null,
      defaultHeaders: { ...(!apiKey && { Authorization: null }), ...headers },
      defaultQuery: provider.query,
      fetch: this.fetchFor(provider),
      maxRetries: 0,
      timeout: this.config.totalTimeoutMs,
      // It would log texts and URLs.
      logLevel: 'off',
    });
  }

  private fetchFor({ headers, guarded }: ProviderConfig): ReturnType<typeof providerFetch> {
    const names = Object.keys(headers);
    if (!guarded) return providerFetch(this.agent, names, this.held);
    const fetch = providerFetch(this.guardedAgent, names, this.held);
    return (url, init) => this.guard.onBehalfOf(guarded.userId, () => fetch(url, init));
  }
}

/** One request, and what is known of it when it fails. */
class ProviderCall {
  private head: AnswerHead | undefined;

  constructor(
    readonly scrub: Scrubber,
    private readonly request: Pick<ModelRequest, 'onHead' | 'traceparent'> = {},
  ) {}

  /** For the SDK, which hands on to our own `fetch` what it does not know. */
  options(signal: AbortSignal): OpenAI.RequestOptions {
    const { traceparent } = this.request;
    const init: ProviderInit = { traceparent, onHead: (response) => this.begin(response) };
    return { signal, fetchOptions: init as OpenAI.RequestOptions['fetchOptions'] };
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

  private begin({ status, headers }: Pick<Response, 'status' | 'headers'>): void {
    this.head = { status, requestId: this.scrub.id(requestIdOf(headers)) };
    this.request.onHead?.(this.head);
  }
}

/** @throws {LlmError} for a refusal */
async function sent(ask: () => Promise<unknown>, { scrub }: ProviderCall): Promise<ProviderResponse> {
  try {
    return (await ask()) as ProviderResponse;
  } catch (error) {
    throw requestFailure(error, scrub);
  }
}

function isEventStream(response: ProviderResponse): boolean {
  return /^text\/event-stream\b/i.test(response.headers.get('content-type') ?? '');
}
