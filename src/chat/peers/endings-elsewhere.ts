import { Injectable, type OnModuleInit } from '@nestjs/common';
import { DatabaseState } from '../../database/database-state';
import { InstanceService } from '../../instances/instance.service';
import { OpenRepliesService } from '../../messages/open-replies.service';
import { RunningReplies } from '../reply/running-replies';
import { Poll } from './poll';

const LOOK_MS = 100;
/** Where no other process is known; one that has just come may have been asked. */
const ALONE_MS = 500;

/** Ends replies of this process that were stopped, or deleted with their conversation, through another one. */
@Injectable()
export class EndingsElsewhere implements OnModuleInit {
  private readonly poll = new Poll({
    name: 'requests to stop',
    everyMs: () => (this.instance.alone ? ALONE_MS : LOOK_MS),
    wanted: () => this.running.ids.length > 0,
    look: () => this.look(),
  });

  constructor(
    private readonly running: RunningReplies,
    private readonly openReplies: OpenRepliesService,
    private readonly database: DatabaseState,
    private readonly instance: InstanceService,
  ) {}

  onModuleInit(): void {
    if (this.database.exclusive) return;
    this.running.begun.subscribe(() => void this.poll.begin());
  }

  private async look(): Promise<void> {
    for (const { id, gone } of await this.openReplies.endedElsewhere(this.running.ids)) {
      void this.running.stop(id, gone ? 'conversation_deleted' : 'stopped');
    }
  }
}
