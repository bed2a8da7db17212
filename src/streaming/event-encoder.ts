import type { LoggedEvent } from '../replies/events/event-codec';

/**
 * SEAM: the dialect in which an API writes a reply's events into an SSE body. Typed events come up to here (`LoggedEvent.event`); each batch
 * is encoded once per encoder, however many readers share it. An encoder keeps no state: a reader may begin at any event.
 */
export interface EventEncoder<E = LoggedEvent> {
  /** Frames of the events, in order, each ended by a blank line. */
  encode(batch: readonly E[]): string;
}
