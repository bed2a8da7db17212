import { Injectable, Logger, type OnModuleInit } from '@nestjs/common';
import { QueueService } from '../../messages/queue.service';
import { Revocations } from '../../users/revocations/revocations';
import { UsersService } from '../../users/users.service';
import { QueueWatch } from '../queue/queue-watch';
import { RunningReplies } from '../reply/running-replies';

/** No request that was let in before takes longer to begin its reply. */
const REMEMBERED_MS = 60_000;

/** Ends the replies of users who are locked out or erased, on whichever instance they run or wait. */
@Injectable()
export class LockOuts implements OnModuleInit {
  private readonly logger = new Logger(LockOuts.name);
  private readonly out = new Set<string>();

  constructor(
    private readonly revocations: Revocations,
    private readonly users: UsersService,
    private readonly running: RunningReplies,
    private readonly queue: QueueService,
    private readonly watch: QueueWatch,
  ) {}

  onModuleInit(): void {
    this.revocations.changes.subscribe((userId) => {
      for (const id of userId === undefined ? this.running.users : [userId]) void this.look(id);
    });
    this.running.begun.subscribe(({ userId, messageId }) => {
      if (this.out.has(userId)) void this.running.stop(messageId, 'locked_out');
    });
  }

  private async look(userId: string): Promise<void> {
    try {
      const user = await this.users.find(userId);
      this.out.delete(userId);
      if (!user) await this.running.stopUser(userId, 'conversation_deleted');
      else if (!user.is_active) await this.end(userId);
    } catch (error) {
      this.logger.warn({ err: error }, 'It cannot be found out whether replies must end');
    }
  }

  private async end(userId: string): Promise<void> {
    this.out.add(userId);
    setTimeout(() => this.out.delete(userId), REMEMBERED_MS).unref();
    // What waits goes first, or it would begin.
    this.watch.nudge(await this.queue.cancelLockedOut());
    await this.running.stopUser(userId, 'locked_out');
  }
}
