import { LlmError } from '../llm-error';
import { isRefusal } from './circuit-breaker';

const FIRST_WAIT_MS = 250;
const MAX_WAIT_MS = 8000;
const MAX_ASKED_WAIT_MS = 10_000;

/** Whether the same model is called again. After a timeout, which has cost enough time already, the next model is called instead. */
export function isWorthRetrying(error: unknown): error is LlmError {
  return (
    error instanceof LlmError && error.retryable && error.code !== 'provider_timeout' && !isRefusal(error)
  );
}

/** Whether another model may be called. Content that a filter refused is not sent to the next provider. */
export function mayFallBack(error: unknown): boolean {
  return error instanceof LlmError && error.code !== 'content_filter';
}

/**
 * Milliseconds before retry number `retry` (from 0): doubling, with jitter, and never less than the provider asked for,
 * of which at most 10 s are granted.
 */
export function backoffMs(error: LlmError, retry: number, random: () => number = Math.random): number {
  const grown = Math.min(FIRST_WAIT_MS * 2 ** retry, MAX_WAIT_MS);
  const asked = Math.min(error.retryAfterMs ?? 0, MAX_ASKED_WAIT_MS);
  return Math.max(asked, grown / 2 + (grown / 2) * random());
}
