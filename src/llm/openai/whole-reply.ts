import type { ModelPart } from '../llm-client';
import { LlmError } from '../llm-error';
import { chunkError } from './chunk';
import type { ProviderResponse } from './provider-fetch';
import { reportedFailure } from './provider-failure';
import { readAtMost } from './read-at-most';
import type { ReplyNormaliser } from './reply-normaliser';
import type { Scrubber } from './scrubber';

/** The longest reply that a provider may send in one piece. */
const MAX_REPLY_BYTES = 4 * 1024 * 1024;

/**
 * Reads a success that is no event stream: a server that cannot stream sends the whole reply as JSON, others report a
 * failure that way, and a proxy may show a page.
 * @throws {LlmError}
 */
export async function readWholeReply(
  { body, status }: ProviderResponse,
  normaliser: ReplyNormaliser,
  scrub: Scrubber,
): Promise<ModelPart[]> {
  const reply = parseObject(await readAtMost(body, MAX_REPLY_BYTES));
  if (!reply) throw new LlmError('provider_invalid_response', { detail: { status, reason: 'not_json' } });
  if (!Array.isArray(reply.choices)) throw reportedFailure(chunkError(reply) ?? reply, scrub);
  const parts: ModelPart[] = [];
  normaliser.push(reply, parts);
  normaliser.end(parts);
  return parts;
}

function parseObject(text: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}
