import { Injectable, type OnModuleInit } from '@nestjs/common';
import { DatabaseState } from '../../database/database-state';
import { InstanceService } from '../../instances/instance.service';
import { OpenRepliesService } from '../../messages/open-replies.service';
import { ActiveReplies } from '../produce/active-replies';
import { Poller } from '../../common/poller';

const POLL_INTERVAL_MS = 100;
/** Poll interval while no other process is known: one that has just started may have received a stop request. */
const ALONE_POLL_INTERVAL_MS = 500;

/** Stops replies of this process that were stopped, or deleted with their conversation, through another process. */
@Injectable()
export class RemoteStopWatcher implements OnModuleInit {
  private readonly poll = new Poller({
    name: 'requests to stop',
    everyMs: () => (this.instance.alone ? ALONE_POLL_INTERVAL_MS : POLL_INTERVAL_MS),
    isNeeded: () => this.active.ids.length > 0,
    poll: () => this.check(),
  });

  constructor(
    private readonly active: ActiveReplies,
    private readonly openReplies: OpenRepliesService,
    private readonly database: DatabaseState,
    private readonly instance: InstanceService,
  ) {}

  onModuleInit(): void {
    if (this.database.exclusive) return;
    this.active.started.subscribe(() => void this.poll.start());
  }

  private async check(): Promise<void> {
    for (const { id, gone } of await this.openReplies.endedElsewhere(this.active.ids)) {
      void this.active.stop(id, gone ? 'conversation_deleted' : 'stopped');
    }
  }
}
