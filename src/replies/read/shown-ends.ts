import { Injectable, type OnModuleDestroy } from '@nestjs/common';
import { REPLY_BOUNDS } from '../../config/bounds';
import { BoundedMap } from '../../http/bounded-map';
import type { MessageHeader } from '../../messages/messages.service';
import { Signals } from '../../signals/signals';
import { SHOWN_ENDS } from '../../signals/topics';

const { recentEndMs, shownEnds } = REPLY_BOUNDS;

/**
 * Ids of replies that a feed has shown to their end, in this process, or in another one whose signal has arrived. A reply whose id is
 * forgotten or has not arrived is shown once more, with the same event ids. Called by `ConversationFeed`.
 */
@Injectable()
export class ShownEnds implements OnModuleDestroy {
  private readonly shown = new BoundedMap<string, true>(shownEnds.limit);
  private readonly unsubscribe: () => void;

  constructor(private readonly signals: Signals) {
    this.unsubscribe = signals.subscribe(SHOWN_ENDS, (data) => {
      if (data) this.shown.set(Buffer.from(data).toString(), true);
    });
  }

  onModuleDestroy(): void {
    this.unsubscribe();
  }

  /** Records that a feed has delivered the reply's last event. */
  add(messageId: string): void {
    this.shown.set(messageId, true);
    this.signals.publish(SHOWN_ENDS, Buffer.from(messageId));
  }

  /** Whether a feed that is opened now begins with this reply, the last one of its conversation: it has just ended and was not shown to its end. */
  isDue({ id, status, updated_at: endedAt }: MessageHeader): boolean {
    const isOver = status !== 'queued' && status !== 'streaming';
    return isOver && Date.now() - endedAt.getTime() < recentEndMs.limit && !this.shown.get(id);
  }
}
