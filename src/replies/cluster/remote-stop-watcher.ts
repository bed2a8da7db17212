import { Injectable, type OnModuleInit } from '@nestjs/common';
import { DatabaseState } from '../../database/database-state';
import { InstanceService } from '../../instances/instance.service';
import { OpenRepliesService } from '../../messages/open-replies.service';
import { ActiveReplies } from '../produce/active-replies';
import { Poller } from '../../common/poller';
import { Signals } from '../../signals/signals';
import { instanceTopic } from '../../signals/topics';

const POLL_INTERVAL_MS = 100;
/** Poll interval while no other process is known: one that has just started may have received a stop request. */
const ALONE_POLL_INTERVAL_MS = 500;

/**
 * Stops replies of this process that were stopped, or deleted with their conversation, through another process: polls the
 * requests, and at once when the topic of this process's registration is published.
 */
@Injectable()
export class RemoteStopWatcher implements OnModuleInit {
  private readonly poll = new Poller({
    name: 'requests to stop',
    everyMs: () => (this.instance.alone ? ALONE_POLL_INTERVAL_MS : POLL_INTERVAL_MS),
    isNeeded: () => this.active.all.length > 0,
    poll: () => this.check(),
  });

  constructor(
    private readonly active: ActiveReplies,
    private readonly openReplies: OpenRepliesService,
    private readonly database: DatabaseState,
    private readonly instance: InstanceService,
    private readonly signals: Signals,
  ) {}

  onModuleInit(): void {
    if (this.database.exclusive) return;
    let unsubscribe = (): void => undefined;
    this.instance.id$.subscribe((id) => {
      unsubscribe();
      unsubscribe = this.signals.subscribe(instanceTopic(id), () => this.poll.now());
    });
    this.active.started$.subscribe(() => void this.poll.start());
  }

  private async check(): Promise<void> {
    for (const { messageId, gone } of await this.openReplies.stopRequests(this.active.all))
      void this.active.stop({ messageId }, gone ? 'conversation_deleted' : 'stopped');
  }
}
