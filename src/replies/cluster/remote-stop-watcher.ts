import { Injectable, type OnModuleInit } from '@nestjs/common';
import { DatabaseState } from '../../database/database-state';
import { InstanceService } from '../../instances/instance.service';
import { OpenRepliesService } from '../../messages/open-replies.service';
import { ActiveReplies } from '../produce/active-replies';
import { Poller } from '../../common/poller';

const LOOK_MS = 100;
/** Where no other process is known; one that has just come may have been asked. */
const ALONE_MS = 500;

/** Ends replies of this process that were stopped, or deleted with their conversation, through another one. */
@Injectable()
export class RemoteStopWatcher implements OnModuleInit {
  private readonly poll = new Poller({
    name: 'requests to stop',
    everyMs: () => (this.instance.alone ? ALONE_MS : LOOK_MS),
    isNeeded: () => this.running.ids.length > 0,
    poll: () => this.check(),
  });

  constructor(
    private readonly running: ActiveReplies,
    private readonly openReplies: OpenRepliesService,
    private readonly database: DatabaseState,
    private readonly instance: InstanceService,
  ) {}

  onModuleInit(): void {
    if (this.database.exclusive) return;
    this.running.started.subscribe(() => void this.poll.start());
  }

  private async check(): Promise<void> {
    for (const { id, gone } of await this.openReplies.endedElsewhere(this.running.ids)) {
      void this.running.stop(id, gone ? 'conversation_deleted' : 'stopped');
    }
  }
}
