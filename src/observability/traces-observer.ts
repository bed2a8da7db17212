import { Logger } from '@nestjs/common';
import { ROOT_CONTEXT, type Context, type Span, SpanKind, SpanStatusCode, trace } from '@opentelemetry/api';
import { type ExportResult, ExportResultCode, parseTraceParent } from '@opentelemetry/core';
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-http';
import { resourceFromAttributes } from '@opentelemetry/resources';
import {
  BatchSpanProcessor,
  ParentBasedSampler,
  type ReadableSpan,
  type SpanExporter,
  TraceIdRatioBasedSampler,
  TracerProvider,
} from '@opentelemetry/sdk-trace';
import { AsyncLocalStorage } from 'node:async_hooks';
import type { TracesConfig } from '../config/app-config';
import {
  NoopObserver,
  type AskedModel,
  type IncomingRequest,
  type ObservedAttempt,
  type ObservedReply,
  type ObservedRequest,
  type ProducedReply,
} from './observer';
import type { ProcessIdentity } from './process-identity';

/** A span that is under way, for whatever is done meanwhile. */
interface Scope {
  span: Span;
  context: Context;
  statements: number;
  statementMs: number;
}

/** Nobody wants a trace of each health check. */
const UNTRACED = /^\/(api\/v1\/)?(health|metrics)(\/|$)/;
const SHUTDOWN_MS = 2_000;

/**
 * Spans of requests, replies and calls of models, sent to an OpenTelemetry collector (OTLP over HTTP, JSON), with the names of its conventions for generative
 * models. They have ids of conversations and messages, and nothing of users or of what is written. Each counts its statements; nothing is recorded per
 * token.
 */
export class TracesObserver extends NoopObserver {
  private readonly scopes = new AsyncLocalStorage<Scope>();
  private readonly provider: TracerProvider;
  private readonly tracer;

  constructor(config: TracesConfig, identity: ProcessIdentity) {
    super();
    const exporter = new ReportingExporter(
      new OTLPTraceExporter({ url: config.url, headers: config.headers }),
      config.url,
    );
    this.provider = new TracerProvider({
      resource: resourceFromAttributes({
        'service.name': config.serviceName,
        'service.version': identity.version,
        'service.instance.id': identity.instanceId,
        'process.pid': identity.pid,
      }),
      sampler: new ParentBasedSampler({ root: new TraceIdRatioBasedSampler(config.share) }),
      spanProcessors: [new BatchSpanProcessor({ exporter })],
    });
    this.tracer = this.provider.getTracer('parley', identity.version);
  }

  /** Sends what has not been sent yet, for two seconds at most. Never throws. */
  async close(): Promise<void> {
    const patience = new Promise((resolve) => setTimeout(resolve, SHUTDOWN_MS).unref());
    await Promise.race([this.provider.shutdown().catch(() => undefined), patience]);
  }

  override traceRequest({ method, traceparent }: IncomingRequest, work: () => void): void {
    const remote = traceparent === undefined ? null : parseTraceParent(traceparent);
    const parent = remote ? trace.setSpanContext(ROOT_CONTEXT, { ...remote, isRemote: true }) : ROOT_CONTEXT;
    const attributes = { 'http.request.method': method };
    this.scopes.run(this.begin(method, SpanKind.SERVER, attributes, parent), work);
  }

  override requestEnded({ method, route, status }: ObservedRequest): void {
    const scope = this.scopes.getStore();
    if (!scope || (route !== undefined && UNTRACED.test(route))) return;
    const { span } = scope;
    if (route !== undefined) span.updateName(`${method} ${route}`).setAttribute('http.route', route);
    span.setAttribute('http.response.status_code', status);
    if (status >= 500) span.setStatus({ code: SpanStatusCode.ERROR });
    end(scope);
  }

  override async traceReply<T>(
    { conversation_id, message_id }: ProducedReply,
    work: () => Promise<T>,
  ): Promise<T> {
    const attributes = { 'gen_ai.conversation.id': conversation_id, 'parley.message.id': message_id };
    const scope = this.begin('reply', SpanKind.INTERNAL, attributes);
    return this.scopes.run(scope, () => work().finally(() => end(scope)));
  }

  override replyEnded({ status, finish_reason, error, model, own, usage }: ObservedReply): void {
    const span = this.scopes.getStore()?.span;
    if (!span) return;
    span.setAttributes({
      'parley.reply.status': status,
      'parley.provider.own': own,
      ...(model !== null && { 'gen_ai.response.model': model }),
      ...(finish_reason !== null && { 'gen_ai.response.finish_reasons': [finish_reason] }),
      ...(usage && {
        'gen_ai.usage.input_tokens': usage.input_tokens,
        'gen_ai.usage.output_tokens': usage.output_tokens,
      }),
      ...(error !== null && { 'error.type': error }),
    });
    if (error !== null) span.setStatus({ code: SpanStatusCode.ERROR, message: error });
  }

  override async traceAttempt<T>(
    { provider, model, own }: AskedModel,
    work: (traceparent?: string) => Promise<T>,
  ): Promise<T> {
    const attributes = {
      'gen_ai.operation.name': 'chat',
      'gen_ai.provider.name': provider,
      'gen_ai.request.model': model,
      'parley.provider.own': own,
    };
    const scope = this.begin(`chat ${model}`, SpanKind.CLIENT, attributes);
    // Who has brought a provider has no trace of ours, and it is nobody's business there which trace a request belongs to.
    const sent = own ? undefined : traceparentOf(scope.span);
    return this.scopes.run(scope, () => work(sent).finally(() => end(scope)));
  }

  override attemptEnded({ try: attempt, outcome, first_event_ms }: ObservedAttempt): void {
    const span = this.scopes.getStore()?.span;
    if (!span) return;
    span.setAttribute('parley.try', attempt);
    if (first_event_ms !== null)
      span.setAttribute('gen_ai.response.time_to_first_chunk', first_event_ms / 1000);
    if (outcome === 'ok') return;
    span.setAttribute('error.type', outcome).setStatus({ code: SpanStatusCode.ERROR, message: outcome });
  }

  override queryTime(ms: number): void {
    const scope = this.scopes.getStore();
    if (!scope) return;
    scope.statements += 1;
    scope.statementMs += ms;
  }

  private begin(
    name: string,
    kind: SpanKind,
    attributes: Record<string, string | boolean>,
    parent = this.scopes.getStore()?.context ?? ROOT_CONTEXT,
  ): Scope {
    const span = this.tracer.startSpan(name, { kind, attributes }, parent);
    return { span, context: trace.setSpan(parent, span), statements: 0, statementMs: 0 };
  }
}

/** Says once that the collector takes nothing, and once that it does again. */
class ReportingExporter implements SpanExporter {
  private readonly logger = new Logger('Traces');
  private isLost = false;

  constructor(
    private readonly exporter: SpanExporter,
    private readonly url: string,
  ) {}

  export(spans: ReadableSpan[], done: (result: ExportResult) => void): void {
    this.exporter.export(spans, (result) => {
      this.report(result);
      done(result);
    });
  }

  forceFlush(): Promise<void> {
    return this.exporter.forceFlush?.() ?? Promise.resolve();
  }

  shutdown(): Promise<void> {
    return this.exporter.shutdown();
  }

  private report({ code, error }: ExportResult): void {
    const isLost = code !== ExportResultCode.SUCCESS;
    if (isLost === this.isLost) return;
    this.isLost = isLost;
    const { url } = this;
    if (isLost)
      this.logger.warn({
        url,
        reason: error?.message,
        msg: 'Traces cannot be sent (OTEL_EXPORTER_OTLP_ENDPOINT)',
      });
    else this.logger.log({ url, msg: 'Traces are sent again' });
  }
}

function end({ span, statements, statementMs }: Scope): void {
  if (statements)
    span.setAttributes({ 'parley.db.statements': statements, 'parley.db.ms': Math.round(statementMs) });
  span.end();
}

/** As W3C Trace Context writes it. */
function traceparentOf(span: Span): string {
  const { traceId, spanId, traceFlags } = span.spanContext();
  return `00-${traceId}-${spanId}-${traceFlags.toString(16).padStart(2, '0')}`;
}
