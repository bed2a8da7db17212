import { Injectable } from '@nestjs/common';
import { TransactionRunner } from '../../database/transaction-runner';
import { InstanceService } from '../../instances/instance.service';
import { countTokens } from '../../llm/tokens/token-counter';
import { MessagesService, type Message } from '../../messages/messages.service';
import { ReplyContent } from '../../messages/reply-content';
import { decodePayload } from '../journal/journal-payload';
import { JournalRepository } from '../journal/journal.repository';
import { deltaOf } from '../reply/reply-event';
import { INTERRUPTED } from '../reply/reply-outcome';

/** A reply as far as the journal has it. */
interface Rebuilt {
  content: ReplyContent;
  /** The number of the event that comes next. */
  next: number;
}

/** Closes the replies of processes that are gone, with every character that anybody was shown. */
@Injectable()
export class Recovery {
  constructor(
    private readonly db: TransactionRunner,
    private readonly instances: InstanceService,
    private readonly journal: JournalRepository,
    private readonly messages: MessagesService,
  ) {}

  /**
   * How many replies were closed. All of it is one transaction, and the processes are locked first: nothing can be added to
   * their journals from then on, and of two recoveries at once each takes what the other one does not hold.
   */
  run(): Promise<number> {
    return this.db.run(async () => {
      const gone = await this.instances.lockExpired();
      if (!gone.length) return 0;
      const open = await this.messages.openRepliesOf(gone);
      const contents = await this.contents(gone);
      for (const reply of open)
        await this.interrupt(reply, contents.get(reply.id)?.content ?? new ReplyContent());
      await this.instances.forget(gone);
      return open.length;
    });
  }

  private async contents(instanceIds: string[]): Promise<Map<string, Rebuilt>> {
    const contents = new Map<string, Rebuilt>();
    for (const id of instanceIds) {
      for (const { payload } of await this.journal.read(id)) addTo(contents, payload);
    }
    return contents;
  }

  private interrupt(reply: Message, content: ReplyContent): Promise<unknown> {
    return this.messages.finishReply(reply.id, content, {
      status: 'interrupted',
      finish_reason: null,
      error: INTERRUPTED,
      usage: null,
      attempts: reply.attempts,
      tokens: countTokens(content.text),
    });
  }
}

/** What follows a batch that could not be stored was never shown, and does not join on to what was. */
function addTo(contents: Map<string, Rebuilt>, payload: string): void {
  for (const { messageId, sequence, events } of decodePayload(payload)) {
    const reply = contents.get(messageId) ?? { content: new ReplyContent(), next: 1 };
    contents.set(messageId, reply);
    if (sequence !== reply.next) continue;
    reply.next += events.length;
    for (const event of events) {
      const delta = deltaOf(event);
      if (delta) reply.content.add(delta);
    }
  }
}
