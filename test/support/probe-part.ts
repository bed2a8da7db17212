import type { MessagePart } from '../../src/messages/content/parts';
import type { ReplyDelta } from '../../src/messages/content/reply-content';
import { EVENT_CODECS, PART_CODECS } from '../../src/replies/events/event-codec';

/**
 * A kind of content that only tests know: an item, which is one event whatever it holds. It proves that a kind is a row of the codec table and
 * nothing else: log, journal, recovery and replays are those of the service.
 */
interface ProbePart {
  type: 'probe';
  id: string;
  output: string | null;
  nested: { b: unknown[]; a: number };
}

const CODEC = {
  event: 'probe',
  toEvent: ({ id, output, nested: { b, a } }: ProbePart) => ({
    type: 'probe',
    data: { id, output, nested: { b, a } },
  }),
  toPart: (data: Omit<ProbePart, 'type'>) => ({ type: 'probe', ...data }),
};

/** Adds the row; the modules are those of other test files, so remove it again. */
export function addProbeKind(): void {
  Object.assign(PART_CODECS, { probe: CODEC });
  Object.assign(EVENT_CODECS, { probe: CODEC });
}

export function removeProbeKind(): void {
  delete (PART_CODECS as { probe?: unknown }).probe;
  delete (EVENT_CODECS as { probe?: unknown }).probe;
}

export function probe(id: string, output: string | null = null): ReplyDelta & MessagePart {
  const part: ProbePart = { type: 'probe', id, output, nested: { b: [id, { c: null }], a: 1 } };
  return part as unknown as MessagePart;
}
