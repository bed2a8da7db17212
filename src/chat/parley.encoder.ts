import type { FeedEvent } from '../replies/read/user-feed';
import type { EventEncoder } from '../streaming/event-encoder';

/** The native dialect: the event's JSON as `data`, `<message_id>:<sequence>` as `id`, no `event` field, so that `onmessage` gets all. An event
 * that is not part of the log has no `id`, so that a reader resumes after the last one that is. */
export const parleyEncoder: EventEncoder = {
  encode(batch) {
    let text = '';
    for (const { messageId, sequence, json } of batch)
      text += sequence ? `id: ${messageId}:${sequence}\ndata: ${json}\n\n` : `data: ${json}\n\n`;
    return text;
  },
};

/** The native dialect of a user's feed: the opaque id of each event as `id`, its JSON as `data`. */
export const parleyFeedEncoder: EventEncoder<FeedEvent> = {
  encode: (batch) => batch.map(({ id, json }) => `id: ${id}\ndata: ${json}\n\n`).join(''),
};
