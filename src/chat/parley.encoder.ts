import type { EventEncoder } from '../streaming/event-encoder';

/** The native dialect: the event's JSON as `data`, `<message_id>:<sequence>` as `id`, no `event` field, so that `onmessage` gets all. */
export const parleyEncoder: EventEncoder = {
  encode(batch) {
    let text = '';
    for (const { messageId, sequence, json } of batch)
      text += `id: ${messageId}:${sequence}\ndata: ${json}\n\n`;
    return text;
  },
};
