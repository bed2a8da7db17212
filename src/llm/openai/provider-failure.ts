import { LlmError, type LlmErrorCode } from '../llm-error';
import { classifyFailure } from './failure-code';
import { parseJson } from './provider-json';
import { ProviderRefusal } from './provider-refusal';
import { retryAfterMs, waitInWords } from './retry-after';
import type { Scrubber } from './scrubber';
import { beyond } from './stream-budget';

/** Some gateways wrap the error of another. */
const MOST_WRAPPINGS = 8;

/** llama.cpp (`Loading model`), TGI, Hugging Face (`is currently loading`), Ollama, serverless hosts. */
const LOADING =
  /loading (the )?model|model.{0,120}? is (currently |still )?(being )?load(ing|ed)|(warming|starting) up|cold start/i;

/** An error says what it is at its beginning; what it quotes may be long. */
const LONGEST_READ = 2_000;

/** Under which names providers and the gateways before them send their id of a request. */
const REQUEST_ID_HEADERS = [
  'x-request-id',
  'request-id',
  'apim-request-id',
  'x-ms-request-id',
  'x-amzn-requestid',
  'msh-request-id',
  'x-log-id',
  'x-tt-logid',
  'x-siliconcloud-trace-id',
  'x-trace-id',
  'cf-ray',
];

/** What a provider's error body says, wherever it says it. */
interface WireError {
  words: string[];
  message: string;
  requestId?: string;
  /** What it asks us to wait in a field of its own. */
  waitMs?: number;
  /** Some send the HTTP status in the place of a code. */
  status?: number;
}

/** The failure of a request that never became a stream. */
export function requestFailure(error: unknown, scrub: Scrubber): LlmError {
  if (error instanceof LlmError) return error;
  return error instanceof ProviderRefusal ? statusFailure(error, scrub) : connectionFailure(error);
}

/** The failure that a provider reports inside a stream, or as JSON under 200. */
export function reportedFailure(error: unknown, scrub: Scrubber): LlmError {
  const { words, message, status, requestId, waitMs } = readError(error);
  const { code, retryable } = classifyFailure({ words, message, status });
  return new LlmError(code, {
    retryable,
    fittingShare: fittingShare(code, message),
    retryAfterMs: waitMs ?? waitInWords(message),
    detail: {
      status,
      reason: LOADING.test(message.slice(0, LONGEST_READ)) ? 'loading' : scrub.word(words[0]),
      request_id: scrub.word(requestId),
    },
    providerText: typeof error === 'string' && !scrub.keepsPages ? undefined : scrub.text(message),
  });
}

/** The provider's own id of a request. */
export function requestIdOf(headers: Headers): string | undefined {
  return REQUEST_ID_HEADERS.map((name) => headers.get(name)).find((id) => !!id) ?? undefined;
}

function statusFailure({ status, headers, body, said }: ProviderRefusal, scrub: Scrubber): LlmError {
  const { words, message, requestId, waitMs } = readError(said);
  const { code, retryable } = classifyFailure({ words, message, status });
  return new LlmError(code, {
    retryable,
    fittingShare: fittingShare(code, message),
    retryAfterMs: retryAfterMs(headers) ?? waitMs ?? waitInWords(message),
    detail: {
      status,
      reason: LOADING.test(message.slice(0, LONGEST_READ)) ? 'loading' : scrub.word(words[0]),
      request_id: scrub.word(requestIdOf(headers) ?? requestId),
    },
    providerText: body === undefined && !scrub.keepsPages ? undefined : scrub.text(message),
  });
}

/** Numbers of tokens are at least so large, and no part of a name (`claude-sonnet-4-20250514`); what is smaller may be a status, or an index. */
const LEAST_TOKENS = 600;
/** Numbers are not exact, and the answer needs room. */
const MARGIN = 0.9;

/** `This model's maximum context length is 8192 tokens. However, you requested 9100 tokens (8000 in the messages, …)` and the like: the largest number is what was sent. */
function fittingShare(code: LlmErrorCode, message: string): number | undefined {
  if (code !== 'context_length_exceeded') return undefined;
  const numbers = message.slice(0, LONGEST_READ).match(/(?<![\w-])\d[\d,_]{2,12}/g) ?? [];
  const tokens = numbers
    .map((number) => Number(number.replaceAll(/[,_]/g, '')))
    .filter((n) => n >= LEAST_TOKENS);
  const sent = Math.max(...tokens);
  const limit = Math.max(...tokens.filter((number) => number < sent));
  return Number.isFinite(limit) ? (limit / sent) * MARGIN : undefined;
}

/** The provider could not be reached, or the connection broke before it answered. */
function connectionFailure(error: unknown): LlmError {
  const reason = networkCode(error);
  const timeout = /TIMEOUT|ETIMEDOUT/.test(reason ?? '');
  // A certificate does not get better by trying again.
  const certificate = /CERT|SELF_SIGNED|ERR_TLS|UNABLE_TO/.test(reason ?? '');
  return new LlmError(timeout ? 'provider_timeout' : 'provider_unreachable', {
    retryable: !certificate,
    detail: { reason: reason ?? 'unknown' },
  });
}

/** The network's own code (`ECONNREFUSED`, `UND_ERR_SOCKET`), which is somewhere down the chain of causes. */
export function networkCode(error: unknown): string | undefined {
  let current = error;
  for (let depth = 0; depth < 8 && typeof current === 'object' && current !== null; depth++) {
    const { code, cause, errors } = current as { code?: unknown; cause?: unknown; errors?: unknown[] };
    if (typeof code === 'string' && /^[A-Z][A-Z0-9_]{2,63}$/.test(code)) return code;
    current = cause ?? errors?.[0];
  }
  return undefined;
}

/** Where errors are inside of errors: OpenRouter (`metadata.raw`, as JSON), MiniMax (`base_resp`), Azure (`innererror`), gateways (`errors`, `detail`). */
const INSIDE = [
  'error',
  'errors',
  'metadata',
  'raw',
  'base_resp',
  'innererror',
  'inner_error',
  'detail',
  'details',
  'response',
];
const CODES = ['code', 'type', 'status', 'status_code', 'reason', 'block_reason', 'blockReason'];
const MESSAGES = ['message', 'msg', 'status_msg', 'detail', 'error', 'raw', 'error_msg', 'errorMessage'];
/** Fields that ask for a wait, with the unit of those that hold a number: Google's RetryInfo; local servers and gateways; Hugging Face. */
const WAITS: Readonly<Record<string, string>> = {
  retryDelay: 's',
  retry_after: 's',
  retry_after_ms: 'ms',
  estimated_time: 's',
};
const LONGEST_WAIT = 40;
/** More of a list says no more. */
const MOST_OF_LIST = 4;

/**
 * Reads `{error: {…}}`, `{error: "…"}`, `{code, message}`, `{detail}`, `[{error}]` and plain text, also where one is inside of another. The outermost
 * comes first.
 * @throws {LlmError} for what is wrapped without end
 */
function readError(value: unknown): WireError {
  const found: WireError = { words: [], message: '' };
  collect(value, found, 0);
  return found;
}

function collect(value: unknown, found: WireError, depth: number): void {
  if (depth > 2 * MOST_WRAPPINGS) throw nestedTooDeep();
  if (Array.isArray(value))
    return value.slice(0, MOST_OF_LIST).forEach((one) => collect(one, found, depth + 1));
  if (typeof value === 'string') return collectText(value, found, depth);
  if (typeof value !== 'object' || value === null) return;
  const body = value as Record<string, unknown>;
  for (const name of CODES) collectCode(body[name], found);
  for (const name of MESSAGES) if (typeof body[name] === 'string') collectText(body[name], found, depth);
  if (typeof body.request_id === 'string') found.requestId ??= body.request_id;
  for (const [name, unit] of Object.entries(WAITS)) found.waitMs ??= waitOf(body[name], unit);
  for (const name of INSIDE) if (typeof body[name] === 'object') collect(body[name], found, depth + 1);
}

/** `12`, `"12"` or `"12s"` */
function waitOf(value: unknown, unit: string): number | undefined {
  if (typeof value !== 'number' && typeof value !== 'string') return undefined;
  const text = String(value).slice(0, LONGEST_WAIT);
  if (!/^\d/.test(text)) return undefined;
  return waitInWords(`wait ${/[a-z]$/i.test(text) ? text : text + unit}`);
}

/** A message may be the JSON of another error. */
function collectText(text: string, found: WireError, depth: number): void {
  const inner = /^\s*[[{]/.test(text) ? parseJson(text) : undefined;
  if (typeof inner === 'object' && inner !== null) collect(inner, found, depth + 1);
  else if (!found.message.includes(text)) found.message = found.message ? `${found.message} ${text}` : text;
}

/** Numbers are HTTP statuses, or codes of the provider. */
function collectCode(code: unknown, found: WireError): void {
  const number = asNumber(code);
  if (number >= 400 && number <= 599) found.status ??= number;
  else if (number >= 1_000) found.words.push(String(number));
  else if (typeof code === 'string' && Number.isNaN(number) && code !== '') found.words.push(code);
}

/** NaN for what is neither number nor text: a list would be written down first, which is recursive. */
function asNumber(value: unknown): number {
  return typeof value === 'number' || typeof value === 'string' ? Number(value) : NaN;
}

function nestedTooDeep(): LlmError {
  return beyond('nested_too_deep');
}
