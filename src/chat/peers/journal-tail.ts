import { isNotFound } from '../../errors/app-error';
import { ReplyContent } from '../../messages/reply-content';
import type { MessageHeader, MessagesService } from '../../messages/messages.service';
import { decodePayload, type JournalEntry } from '../journal/journal-payload';
import type { JournalRepository } from '../journal/journal.repository';
import { OpenLog } from '../reply/open-log';
import {
  deltaOf,
  errorEvent,
  eventsAfter,
  logged,
  storedEvents,
  type LoggedEvent,
} from '../reply/reply-event';
import type { ReplyEvent, StartEvent } from '../reply/reply-event.dto';
import type { EventsListener } from '../reply/reply-log';
import { DELETED } from '../reply/reply-outcome';

/** Kept so long after its last reader: the next one need not read the journal from its beginning. */
const LINGER_MS = 10_000;
/** Every so many looks, logs that nobody reads are looked through as well. */
const PRUNE_EVERY = 100;

interface TailedReply {
  messageId: string;
  log: OpenLog;
  /** Its first event. */
  start?: StartEvent;
  content: ReplyContent;
  /** As its first reader found it; absent while it has none. */
  reply?: MessageHeader;
}

/** The open replies of another process, as its journal tells them. One reading of the journal serves all readers here. */
export class JournalTail {
  private readonly replies = new Map<string, TailedReply>();
  private batch = 0;
  private looks = 0;
  private lingerUntil = 0;

  constructor(
    private readonly instanceId: string,
    private readonly journal: JournalRepository,
    private readonly messages: MessagesService,
  ) {}

  get wanted(): boolean {
    for (const { log } of this.replies.values()) if (log.watched) this.linger();
    return performance.now() < this.lingerUntil;
  }

  read(reply: MessageHeader, after: number, listener: EventsListener, signal: AbortSignal): Promise<void> {
    this.linger();
    const tailed = this.of(reply.id);
    tailed.reply ??= reply;
    return tailed.log.read(after, listener, signal);
  }

  /** What has come since the last look. The journal first: what it holds is of replies that were open until then. */
  async look(): Promise<void> {
    for (const { batch, payload } of await this.journal.read(this.instanceId, this.batch)) {
      decodePayload(payload).forEach((entry) => this.take(entry));
      this.batch = batch;
    }
    const all = this.looks++ % PRUNE_EVERY === 0;
    const ids = [...this.replies].filter(([, { reply }]) => all || reply).map(([id]) => id);
    for (const id of ids.length ? await this.messages.notStreaming(ids) : []) await this.finish(id);
  }

  /** Readers get what is there and leave. */
  end(): void {
    for (const { log } of this.replies.values()) log.end();
  }

  private linger(): void {
    this.lingerUntil = performance.now() + LINGER_MS;
  }

  private of(messageId: string): TailedReply {
    const known = this.replies.get(messageId);
    if (known) return known;
    const tailed: TailedReply = {
      messageId,
      log: new OpenLog((after, count) => eventsAfter(tailed, after, count)),
      content: new ReplyContent(),
    };
    this.replies.set(messageId, tailed);
    return tailed;
  }

  private take({ messageId, sequence, events }: JournalEntry): void {
    const tailed = this.of(messageId);
    const { log } = tailed;
    const known = log.length + 1 - sequence;
    // What follows a batch that could not be stored was never shown.
    if (known < 0) return;
    const news = events.slice(known);
    for (const event of news) add(tailed, event);
    log.show(news.map((event, i) => logged(messageId, sequence + known + i, event)));
  }

  private async finish(id: string): Promise<void> {
    const { log, reply } = this.of(id);
    if (reply) log.show(await this.rest(reply, log.length));
    this.replies.delete(id);
  }

  private async rest(reply: MessageHeader, after: number): Promise<LoggedEvent[]> {
    try {
      return storedEvents(await this.messages.get(reply.user_id, reply.id), after);
    } catch (error) {
      if (isNotFound(error)) return [logged(reply.id, after + 1, errorEvent(DELETED))];
      throw error;
    }
  }
}

function add(reply: TailedReply, event: ReplyEvent): void {
  const delta = deltaOf(event);
  if (delta) reply.content.add(delta);
  else if (event.type === 'start') reply.start = event;
}
