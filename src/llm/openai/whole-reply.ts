import type { ModelEnd, ModelPart, PartsListener } from '../llm-client';
import { LlmError } from '../llm-error';
import { chunkError } from './chunk';
import { parseJson } from './provider-json';
import { reportedFailure } from './provider-failure';
import type { ReplyNormaliser } from './reply-normaliser';
import type { Scrubber } from './scrubber';

/**
 * Takes a success that is no event stream: a server that cannot stream sends the whole reply as JSON, others report a
 * failure that way, and a proxy may show a page. What it says comes before a failure, too.
 * @throws {LlmError}, and what the listener throws
 */
export async function takeWholeReply(
  { text, status }: { text: string; status: number },
  normaliser: ReplyNormaliser,
  scrub: Scrubber,
  listener: PartsListener,
): Promise<ModelEnd> {
  const reply = parseJson(withoutDone(text.replace(/^\uFEFF/, ''))) as
    { choices?: unknown } | null | undefined;
  if (typeof reply !== 'object' || reply === null)
    throw new LlmError('provider_invalid_response', {
      // The model has been paid for, and would be again.
      retryable: false,
      detail: { status, reason: 'not_json' },
    });
  if (!Array.isArray(reply.choices)) throw reportedFailure(chunkError(reply) ?? reply, scrub);
  const parts: ModelPart[] = [];
  normaliser.push(reply, parts);
  const handOn = async () => {
    if (parts.length) await listener(parts);
  };
  let end: ModelEnd;
  try {
    end = normaliser.end(parts, true);
  } catch (failure) {
    await handOn();
    throw failure;
  }
  await handOn();
  return end;
}

/**
 * Some gateways put `data: [DONE]` behind a reply that they have not streamed. Not by one pattern for the end of the text: with white space before it that would take
 * the square of its length.
 */
function withoutDone(text: string): string {
  const end = text.trimEnd();
  const last = Math.max(end.lastIndexOf('data:'), 0);
  return /^data: ?\[DONE\]$/.test(end.slice(last)) ? end.slice(0, last) : text;
}
