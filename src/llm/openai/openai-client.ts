import { Logger } from '@nestjs/common';
import OpenAI from 'openai';
import type { ChatCompletionCreateParamsStreaming } from 'openai/resources/chat/completions';
import type { Agent } from 'undici';
import type { LlmConfig } from '../../config/app-config';
import type { ProviderConfig } from '../../config/models-config';
import { OutboundGuard } from '../../outbound/outbound-guard';
import { LlmClient, type ModelRequest, type PartsListener } from '../llm-client';
import { type BodyKind, kindOf } from './body-kind';
import { createAgent, providerFetch, type ProviderResponse } from './provider-fetch';
import { requestFailure } from './provider-failure';
import { readAtMost } from './read-at-most';
import { ReplyNormaliser } from './reply-normaliser';
import { RefusedParameters, type RequestFields } from './refused-parameters';
import { requestBody } from './request-body';
import { HeldBytes } from './held-bytes';
import { Scrubber } from './scrubber';
import { StreamBudget, type StreamLimits, streamLimits } from './stream-budget';
import { StreamReader } from './stream-reader';
import { takeWholeReply } from './whole-reply';

/** Each leaves out one parameter more. */
const MOST_REPETITIONS = 5;

interface Connection {
  sdk: OpenAI;
  scrub: Scrubber;
  /** By the provider's name of a model. */
  refused: Map<string, RefusedParameters>;
}

/**
 * Any provider that speaks OpenAI's chat completions. The SDK makes the request and reads refusals; the stream is decoded
 * here, because the SDK's decoder is silent about some failures and takes most of the time of a token.
 */
export class OpenAiClient extends LlmClient {
  private readonly logger = new Logger(OpenAiClient.name);
  private readonly agent: Agent;
  private readonly guardedAgent: Agent;
  private readonly connections = new WeakMap<ProviderConfig, Connection>();
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

  async stream(request: ModelRequest, signal: AbortSignal, listener: PartsListener): Promise<void> {
    const take: PartsListener = (parts) => {
      signal.throwIfAborted();
      return listener(parts);
    };
    try {
      await this.read(request, signal, take);
    } finally {
      // Whatever an aborted connection fails with.
      signal.throwIfAborted();
    }
  }

  /** Closes every connection; for the end of the process. */
  async close(): Promise<void> {
    await Promise.all([this.agent.destroy(), this.guardedAgent.destroy()]);
  }

  private async read(request: ModelRequest, signal: AbortSignal, take: PartsListener): Promise<void> {
    const connection = this.connectionTo(request.provider);
    const { scrub } = connection;
    const response = await this.ask(connection, request, signal);
    const goesOn = request.messages.at(-1)?.role === 'assistant';
    const normaliser = new ReplyNormaliser(request.model, goesOn);
    const isEventType = isEventStream(response);
    const usual: BodyKind = isEventType ? 'events' : 'whole';
    const kind = (await response.body.look((first) => kindOf(first, isEventType))) ?? usual;
    if (kind === 'events') {
      const budget = new StreamBudget(this.limits, this.held);
      await new StreamReader(response.body, normaliser, scrub, take, budget).read();
    } else {
      const text = await readAtMost(response.body, this.limits.eventBytes, this.held);
      await takeWholeReply({ text, status: response.status }, normaliser, scrub, take);
    }
  }

  /**
   * A request that is refused for one of its parameters is made once more without it: it would be refused for ever otherwise.
   * @throws {LlmError}
   */
  private async ask(
    { sdk, scrub, refused }: Connection,
    request: ModelRequest,
    signal: AbortSignal,
  ): Promise<ProviderResponse> {
    const { model, provider } = request;
    const ofModel = refused.get(model.name) ?? new RefusedParameters();
    for (let repetition = 0; ; repetition++) {
      const fields = ofModel.without(requestBody(request));
      try {
        return await send(sdk, fields, signal);
      } catch (error) {
        const failure = requestFailure(error, scrub);
        const parameter = failure.code === 'provider_bad_request' && ofModel.learn(error, fields);
        if (!parameter || repetition === MOST_REPETITIONS) throw failure;
        refused.set(model.name, ofModel);
        this.logger.warn(
          { provider: provider.name, model: model.id, parameter },
          'A model refuses a parameter, which it is not sent any more',
        );
      }
    }
  }

  private connectionTo(provider: ProviderConfig): Connection {
    const known = this.connections.get(provider);
    if (known) return known;
    const connection = { sdk: this.connect(provider), scrub: new Scrubber(provider), refused: new Map() };
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

/** Async, so that what the SDK throws at once is a rejection too. */
async function send(sdk: OpenAI, fields: RequestFields, signal: AbortSignal): Promise<ProviderResponse> {
  // The SDK's types know OpenAI's words only.
  const body = fields as unknown as ChatCompletionCreateParamsStreaming;
  const response: unknown = await sdk.chat.completions.create(body, { signal }).asResponse();
  return response as ProviderResponse;
}

function isEventStream(response: ProviderResponse): boolean {
  return /^text\/event-stream\b/i.test(response.headers.get('content-type') ?? '');
}
