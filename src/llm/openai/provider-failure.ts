import { APIConnectionTimeoutError, APIError } from 'openai';
import { LlmError } from '../llm-error';
import { classifyFailure } from './failure-code';
import { retryAfterMs } from './retry-after';
import type { Scrubber } from './scrubber';

/** What a provider's error body says, wherever it says it. */
interface WireError {
  words: string[];
  message: string;
  /** Some send the HTTP status in the place of a code. */
  status?: number;
}

/** The failure of a request that never became a stream. */
export function requestFailure(error: unknown, scrub: Scrubber): LlmError {
  if (error instanceof APIError && error.status !== undefined) return statusFailure(error, scrub);
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

/** Reads `{error: {…}}`, `{error: "…"}`, `{code, message}`, `{detail}`, `[{error}]` and plain text. */
function readError(value: unknown): WireError {
  if (typeof value === 'string') return { words: [], message: value };
  const body = Array.isArray(value) ? value[0] : value;
  if (typeof body !== 'object' || body === null) return { words: [], message: '' };
  const { error, code, type, status, message, detail } = body as Record<string, unknown>;
  if (error) return readError(error);
  const number = [code, status].map(Number).find((candidate) => candidate >= 400 && candidate <= 599);
  return {
    words: [code, type, status].filter(
      (word): word is string => typeof word === 'string' && !/^\d*$/.test(word),
    ),
    message: typeof message === 'string' ? message : typeof detail === 'string' ? detail : '',
    ...(number !== undefined && { status: number }),
  };
}
