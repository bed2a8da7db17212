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
    // 1261: Zhipu; 1039: MiniMax
    /^(context_length_exceeded|exceed_context_size_error|context_window_exceeded\w*|prompt_too_long|string_above_max_length|1261|1039)$/,
    { code: 'context_length_exceeded' },
  ],
  [
    // invalid_prompt, moderation_blocked: OpenAI; …sensitivecontentdetected: Volcengine; censorship_blocked: StepFun; 1301: Zhipu; 1026, 1027: MiniMax
    /^(content_?filter\w*|content_policy_violation|data_?inspection_?failed|responsibleaipolicyviolation|moderation_blocked|invalid_prompt|\w*sensitivecontent\w*|censorship_blocked|prohibited_content|guardrail_intervened|1301|1026|1027)$/,
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
  408: { code: 'provider_timeout' },
  409: { code: 'provider_unavailable' },
  413: { code: 'context_length_exceeded' },
  425: { code: 'provider_unavailable' },
  429: { code: 'provider_rate_limited' },
  451: { code: 'content_filter' },
  498: { code: 'provider_overloaded' },
  503: { code: 'provider_unavailable' },
  504: { code: 'provider_timeout' },
  529: { code: 'provider_overloaded' },
};

/** Only some servers have a code for it; the others say it in words, under a code that means any failure. */
const TOO_LONG = new RegExp(
  [
    // OpenAI and most others; Ollama; llama.cpp; vLLM (`maximum model length`); xAI (`maximum prompt length`)
    'maximum (context|model|prompt|input) length|context[ _-]?(length|window|size|limit)',
    // Anthropic, Bedrock, Fireworks, Databricks; llama.cpp (`input is too large to process`)
    '(prompt|inputs?|context|messages?|conversation) (is |are |was )?too (long|large)',
    // Gemini; Cohere; Moonshot (`exceeded model token limit`)
    'token count[^.]{0,80}exceeds|too many (input )?tokens|token limit',
    // OpenAI and Azure since GPT-5
    '(input|prompt) tokens exceed',
    // TGI and Together; DashScope; Groq
    'tokens\\W{0,3}\\+\\W{0,3}max_new_tokens|range of input length|reduce the length of (the|your) (messages|prompt|input)',
    // LM Studio; Zhipu
    'greater than the context|prompt exceeds|prompt 超长|超出.{0,12}长度',
  ].join('|'),
  'i',
);
/** Limits of tokens in a time use the same words. */
const PER_TIME = /per (minute|second|hour|day)|\bTPM\b|\bRPM\b|rate.?limit/i;

/** The same of refusals by a filter: what was refused must not be carried to the next provider. */
const FILTERED = new RegExp(
  [
    // Azure; Anthropic (`content filtering policy`)
    'content (management|filter(ing)?|moderation|safety|usage)? ?polic(y|ies)|content[ _-]?filter',
    // OpenAI
    '(violat\\w{1,5}|against)[^.]{0,60}(usage|content|safety) (polic|guideline)|safety system|flagged (as|for)|was flagged|for safety reasons',
    // Anthropic; several
    'safety (measures|classifier)[^.]{0,40} flagged|blocked by [^.]{0,20}safety',
    // OpenRouter; xAI (`violates usage guidelines`); Gemini
    'by (the |our )?moderation|requires moderation|usage guidelines|responsible ai|prohibited.content|sensitive words',
    // DashScope; DeepSeek; Moonshot; MiniMax; StepFun
    'inappropriate content|content exists risk|considered high risk|new_sensitive|(content|output|input|prompt)[^.]{0,60} (is|was) (blocked|filtered)',
    // Zhipu and others
    '敏感内容|不安全|内容安全|违规',
  ].join('|'),
  'i',
);

/** A 404 is also the answer to a wrong path. */
const MODEL = /\bmodels?\b|deployment|engine|模型/i;

/** An error says what it is at its beginning; what it quotes may be long. */
const LONGEST_MESSAGE = 4_000;
const LONGEST_WORD = 100;

/** What a provider's code, type, message and status mean; the most specific that is known wins. */
export function classifyFailure({
  status,
  words,
  message,
}: {
  status?: number;
  words: string[];
  message: string;
}): FailureClass {
  const facts = { status, words, message: message.slice(0, LONGEST_MESSAGE) };
  const known = facts.words.map(classifyWord).find((found) => found !== undefined);
  // A word for any bad request says less than the message, and so does one for any failure.
  if (known && known.code !== 'provider_unavailable') return known;
  if (facts.status !== 429 && FILTERED.test(facts.message)) return { code: 'content_filter' };
  if (TOO_LONG.test(facts.message) && !PER_TIME.test(facts.message))
    return { code: 'context_length_exceeded' };
  // Nor does it say more than a status that blames the request (Ollama: 400 and `api_error`).
  const isRequestsFault = facts.status !== undefined && facts.status >= 400 && facts.status < 500;
  if (known && !isRequestsFault) return known;
  if (facts.status === 404 && MODEL.test(facts.message)) return { code: 'provider_model_not_found' };
  return classifyStatus(facts.status);
}

function classifyWord(word: string): FailureClass | undefined {
  return WORDS.find(([pattern]) => pattern.test(word.slice(0, LONGEST_WORD).toLowerCase()))?.[1];
}

/** A redirect is not followed, so it is an answer that we cannot use. */
function classifyStatus(status: number | undefined): FailureClass {
  if (status === undefined) return { code: 'provider_unavailable' };
  const known = STATUSES[status];
  if (known) return known;
  if (status < 400) return { code: 'provider_invalid_response', retryable: false };
  return { code: status < 500 ? 'provider_bad_request' : 'provider_unavailable' };
}
