import { APIConnectionTimeoutError, APIError } from 'openai';
import { LlmError } from '../llm-error';
import { classifyFailure } from './failure-code';
import { retryAfterMs } from './retry-after';
import type { Scrubber } from './scrubber';
import { beyond } from './stream-budget';

/** Some gateways wrap the error of another. */
const MOST_WRAPPINGS = 8;

/** What a provider's error body says, wherever it says it. */
interface WireError {
  words: string[];
  message: string;
  /** Some send the HTTP status in the place of a code. */
  status?: number;
}

/** The failure of a request that never became a stream. */
export function requestFailure(error: unknown, scrub: Scrubber): LlmError {
  if (error instanceof APIError && error.cause instanceof LlmError) return error.cause;
  if (error instanceof APIError && error.status !== undefined) return statusFailure(error, scrub);
  // The SDK writes the error down as JSON, which is recursive.
  if (error instanceof RangeError) return nestedTooDeep();
  return connectionFailure(error);
}

/** The failure that a provider reports inside a stream, or as JSON under 200. */
export function reportedFailure(error: unknown, scrub: Scrubber): LlmError {
  const { words, message, status } = readError(error);
  const { code, retryable } = classifyFailure({ words, message, status });
  return new LlmError(code, {
    retryable,
    detail: { status, reason: scrub.word(words[0]) },
    providerText: scrub.text(message),
  });
}

function statusFailure(error: APIError, scrub: Scrubber): LlmError {
  const status = error.status as number;
  const { words, message } = readError(error.error ?? error.message);
  const { code, retryable } = classifyFailure({ words, message, status });
  const headers = new Headers(error.headers);
  return new LlmError(code, {
    retryable,
    retryAfterMs: retryAfterMs(headers),
    detail: { status, reason: scrub.word(words[0]), request_id: scrub.word(headers.get('x-request-id')) },
    providerText: scrub.text(message),
  });
}

/** The provider could not be reached, or the connection broke before it answered. */
function connectionFailure(error: unknown): LlmError {
  const reason = networkCode(error);
  const timeout = error instanceof APIConnectionTimeoutError || /TIMEOUT|ETIMEDOUT/.test(reason ?? '');
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

/**
 * Reads `{error: {…}}`, `{error: "…"}`, `{code, message}`, `{detail}`, `[{error}]` and plain text.
 * @throws {LlmError} for what is wrapped without end
 */
function readError(value: unknown): WireError {
  let inner = value;
  for (let wrappings = 0; wrappings <= MOST_WRAPPINGS; wrappings++) {
    if (typeof inner === 'string') return { words: [], message: inner };
    const body: unknown = Array.isArray(inner) ? inner[0] : inner;
    if (typeof body !== 'object' || body === null) return { words: [], message: '' };
    const { error } = body as Record<string, unknown>;
    if (!error) return readFields(body as Record<string, unknown>);
    inner = error;
  }
  throw nestedTooDeep();
}

function readFields({ code, type, status, message, detail }: Record<string, unknown>): WireError {
  const number = [code, status].map(asNumber).find((candidate) => candidate >= 400 && candidate <= 599);
  return {
    words: [code, type, status].filter(
      (word): word is string => typeof word === 'string' && !/^\d*$/.test(word),
    ),
    message: typeof message === 'string' ? message : typeof detail === 'string' ? detail : '',
    ...(number !== undefined && { status: number }),
  };
}

/** NaN for what is neither number nor text: a list would be written down first, which is recursive. */
function asNumber(value: unknown): number {
  return typeof value === 'number' || typeof value === 'string' ? Number(value) : NaN;
}

function nestedTooDeep(): LlmError {
  return beyond('nested_too_deep');
}
