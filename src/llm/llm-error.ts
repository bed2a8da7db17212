import type { TokenUsage } from './llm-client';

/** Stable codes of a failed model call; the wire contract of `error` events and of 502/504 problems. */
export type LlmErrorCode =
  | 'provider_unreachable'
  | 'provider_timeout'
  | 'provider_auth_failed'
  | 'provider_rate_limited'
  | 'provider_unavailable'
  | 'provider_bad_request'
  | 'provider_model_not_found'
  | 'provider_invalid_response'
  | 'provider_overloaded'
  | 'upstream_incomplete'
  | 'upstream_empty'
  | 'context_length_exceeded'
  | 'content_filter'
  | 'max_output'
  | 'unexpected_tool_call';

/** Facts about a failure that are safe in any log: no text of the provider or of the request, no secret. */
export interface LlmErrorDetail {
  /** HTTP status of the provider's answer, or the one that its answer reports. */
  status?: number;
  /** The provider's, the network's or our own code, e.g. `insufficient_quota`, `ECONNREFUSED`, `not_json`. */
  reason?: string;
  /** The provider's own id of the request. */
  request_id?: string;
  /** URL that was called, without credentials and query. */
  url?: string;
}

export interface LlmErrorOptions {
  /** Whether another try, now or later, may succeed. Default: that of the code. */
  retryable?: boolean;
  /** Time to wait that the provider asked for. */
  retryAfterMs?: number;
  detail?: LlmErrorDetail;
  /** Share of a too long context that fits, from 0 to 1, if the provider has named its limit. */
  fittingShare?: number;
  /** The provider's text, as `Scrubber.text` leaves it: for the operator's log, and for the user whose own provider it is. */
  providerText?: string;
}

/**
 * Failure of a model call. `message` is ours and safe to show: it never has the provider's text, a URL or a key.
 * There is no `cause`, because loggers print it, and the original errors have all of these.
 */
export class LlmError extends Error {
  readonly retryable: boolean;
  readonly retryAfterMs?: number;
  readonly fittingShare?: number;
  detail?: Readonly<LlmErrorDetail>;
  /** Usage of the reply that the provider had reported before the failure. */
  usage: TokenUsage | null = null;
  // The field is private, so that a logger that lists the properties of errors does not find it.
  readonly #providerText?: string;

  constructor(
    readonly code: LlmErrorCode,
    options: LlmErrorOptions = {},
  ) {
    super(DEFAULTS[code].message);
    this.name = 'LlmError';
    this.retryable = options.retryable ?? DEFAULTS[code].retryable;
    if (options.retryAfterMs !== undefined) this.retryAfterMs = options.retryAfterMs;
    if (options.detail) this.detail = options.detail;
    if (options.fittingShare !== undefined) this.fittingShare = options.fittingShare;
    this.#providerText = options.providerText;
  }

  get providerText(): string | undefined {
    return this.#providerText;
  }

  /** Adds facts about the call; those that the failure has already stay. */
  addDetail(known: LlmErrorDetail): this {
    const said = Object.entries(this.detail ?? {}).filter(([, value]) => value !== undefined);
    this.detail = { ...known, ...Object.fromEntries(said) };
    return this;
  }
}

/** Whether the provider is loading the model, for which it is given as long as for the first word (`firstEventMs`). */
export function isLoading({ code, detail }: LlmError): boolean {
  return code === 'provider_unavailable' && detail?.reason === 'loading';
}

const DEFAULTS: Record<LlmErrorCode, { message: string; retryable: boolean }> = {
  provider_unreachable: { message: 'The model provider cannot be reached.', retryable: true },
  provider_timeout: { message: 'The model provider did not answer in time.', retryable: true },
  provider_auth_failed: { message: 'The model provider refused our credentials.', retryable: false },
  provider_rate_limited: { message: 'The model provider is limiting our requests.', retryable: true },
  provider_unavailable: { message: 'The model provider is not available at the moment.', retryable: true },
  provider_bad_request: { message: 'The model provider refused the request.', retryable: false },
  provider_model_not_found: { message: 'The model provider does not know this model.', retryable: false },
  provider_invalid_response: {
    message: 'The model provider sent an answer that cannot be read.',
    retryable: true,
  },
  provider_overloaded: { message: 'The model provider is overloaded at the moment.', retryable: true },
  upstream_incomplete: {
    message: 'The model provider ended the reply before it was complete.',
    retryable: true,
  },
  upstream_empty: { message: 'The model provider ended the reply before it began.', retryable: true },
  context_length_exceeded: { message: 'The conversation is too long for this model.', retryable: false },
  content_filter: { message: 'The model provider refused this content.', retryable: false },
  max_output: { message: 'The reply reached the longest length that is allowed.', retryable: false },
  unexpected_tool_call: {
    message: 'The model asked for a tool, although none was offered.',
    retryable: false,
  },
};

export const LLM_ERROR_CODES = Object.keys(DEFAULTS) as LlmErrorCode[];
