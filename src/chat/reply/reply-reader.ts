import { Injectable } from '@nestjs/common';
import { setTimeout as sleep } from 'node:timers/promises';
import { MessagesService, type Message } from '../../messages/messages.service';
import { storedEvents, type LoggedEvent } from './reply-event';
import { ReplyLog, type EventBatches } from './reply-log';

const POLL_MS = 1_000;
/** Characters that are handed to a reader at a time, roughly. */
const BATCH_LENGTH = 128 * 1024;

/** Reads a reply from wherever its events are: the log while it is open, its message once it is closed. */
@Injectable()
export class ReplyReader {
  constructor(
    private readonly log: ReplyLog,
    private readonly messages: MessagesService,
  ) {}

  /** The reply's events after a sequence, live while it is open. */
  read(reply: Message, after: number, signal: AbortSignal): EventBatches {
    return this.log.read(reply.id, after, signal) ?? this.stored(reply, after, signal);
  }

  /** Whether nothing follows this sequence: the reader has the terminal event. */
  hasAll(reply: Message, after: number): boolean {
    return reply.status !== 'streaming' && storedEvents(reply, after).length === 0;
  }

  /** A closed reply at once; an open one, which another process writes, as far as it is stored. */
  private async *stored(reply: Message, after: number, signal: AbortSignal): EventBatches {
    let message = reply;
    for (let place = after; !signal.aborted;) {
      const events = storedEvents(message, place);
      place += events.length;
      yield* inBatches(events);
      if (message.status !== 'streaming') return;
      // It may have been read in the moment between being stored and being begun.
      const live = this.log.read(reply.id, place, signal);
      if (live) {
        yield* live;
        return;
      }
      await sleep(POLL_MS, undefined, { signal }).catch(() => undefined);
      message = await this.messages.get(reply.user_id, reply.id);
    }
  }
}

/** So that a reader is never given more than it can take in one go. */
function* inBatches(events: LoggedEvent[]): Generator<LoggedEvent[]> {
  let batch: LoggedEvent[] = [];
  let length = 0;
  for (const event of events) {
    batch.push(event);
    length += event.json.length + event.messageId.length;
    if (length < BATCH_LENGTH) continue;
    yield batch;
    [batch, length] = [[], 0];
  }
  if (batch.length) yield batch;
}
