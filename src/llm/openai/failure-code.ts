import type { LlmErrorCode } from '../llm-error';

/** A failure as we classify it. `retryable` only where it differs from what is usual for the code. */
export interface FailureClass {
  code: LlmErrorCode;
  retryable?: boolean;
}

const QUOTA: FailureClass = { code: 'provider_rate_limited', retryable: false };

/** Providers' own codes and types, in lower case, by what they mean. */
const WORDS: [RegExp, FailureClass][] = [
  [
    /^(context_length_exceeded|exceed_context_size_error|context_window_exceeded)$/,
    { code: 'context_length_exceeded' },
  ],
  [
    /^(content_filter|content_policy_violation|data_?inspection_?failed|responsibleaipolicyviolation)$/,
    { code: 'content_filter' },
  ],
  [
    /^(insufficient_quota|billing_hard_limit_reached|insufficient_balance|arrearage|exceeded_current_quota_error)$/,
    QUOTA,
  ],
  [
    /^(rate_limit\w*|throttling\b.*|too_many_requests|engine_rate_limited\w*)$/,
    { code: 'provider_rate_limited' },
  ],
  [
    /^(model_not_found\w*|model_not_exist|modelnotfound|deploymentnotfound)$/,
    { code: 'provider_model_not_found' },
  ],
  [
    /^(invalid_api_key|invalidapikey|authentication_error|invalid_authentication\w*|permission_(denied|error))$/,
    { code: 'provider_auth_failed' },
  ],
  [/^(overloaded\w*|engine_overloaded\w*|insufficient_system_resource)$/, { code: 'provider_overloaded' }],
  [
    /^(server_error|internal_?(server)?_?error|api_error|service_unavailable\w*)$/,
    { code: 'provider_unavailable' },
  ],
  [/^(timeout\w*|request_timeout)$/, { code: 'provider_timeout' }],
];

const STATUSES: Record<number, FailureClass> = {
  401: { code: 'provider_auth_failed' },
  402: QUOTA,
  403: { code: 'provider_auth_failed' },
  404: { code: 'provider_model_not_found' },
  408: { code: 'provider_timeout' },
  409: { code: 'provider_unavailable' },
  413: { code: 'context_length_exceeded' },
  425: { code: 'provider_unavailable' },
  429: { code: 'provider_rate_limited' },
  498: { code: 'provider_overloaded' },
  503: { code: 'provider_unavailable' },
  504: { code: 'provider_timeout' },
  529: { code: 'provider_overloaded' },
};

/** Only some servers have a code for it; the others say it in words, under a code that means any failure. */
const TOO_LONG = /maximum context length|context (length|window|size)|prompt is too long/i;

/** What a provider's code, type, message and status mean; the most specific that is known wins. */
export function classifyFailure(facts: { status?: number; words: string[]; message: string }): FailureClass {
  const known = facts.words.map(classifyWord).find((found) => found !== undefined);
  if (known && known.code !== 'provider_unavailable') return known;
  if (TOO_LONG.test(facts.message)) return { code: 'context_length_exceeded' };
  return known ?? classifyStatus(facts.status);
}

function classifyWord(word: string): FailureClass | undefined {
  return WORDS.find(([pattern]) => pattern.test(word.toLowerCase()))?.[1];
}

/** A redirect is not followed, so it is an answer that we cannot use. */
function classifyStatus(status: number | undefined): FailureClass {
  if (status === undefined) return { code: 'provider_unavailable' };
  const known = STATUSES[status];
  if (known) return known;
  if (status < 400) return { code: 'provider_invalid_response', retryable: false };
  return { code: status < 500 ? 'provider_bad_request' : 'provider_unavailable' };
}
