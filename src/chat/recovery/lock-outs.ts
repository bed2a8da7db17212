import { Injectable, Logger, type OnModuleInit } from '@nestjs/common';
import { BoundedMap } from '../../http/bounded-map';
import { QueueService } from '../../messages/queue.service';
import { Revocations } from '../../users/revocations/revocations';
import { subjectOf } from '../../users/revocations/subject';
import { UsersService } from '../../users/users.service';
import { QueueWatch } from '../queue/queue-watch';
import { RunningReplies } from '../reply/running-replies';

/** No request that was let in before a change takes longer to begin its reply. */
const REMEMBERED_MS = 60_000;
const REMEMBERED = 10_000;

/** Ends the replies of users who are locked out or erased, on whichever instance they run or wait. */
@Injectable()
export class LockOuts implements OnModuleInit {
  private readonly logger = new Logger(LockOuts.name);
  /** When something of a user changed: whoever was let in before may be about to begin a reply. */
  private readonly changed = new BoundedMap<string, number>(REMEMBERED);

  constructor(
    private readonly revocations: Revocations,
    private readonly users: UsersService,
    private readonly running: RunningReplies,
    private readonly queue: QueueService,
    private readonly watch: QueueWatch,
  ) {}

  onModuleInit(): void {
    this.revocations.changes.subscribe((subject) => {
      const users = [...this.running.users];
      const concerned = subject === undefined ? users : users.filter((id) => subjectOf(id) === subject);
      if (subject !== undefined) this.changed.set(subject, performance.now());
      for (const id of concerned) void this.look(id);
    });
    this.running.begun.subscribe(({ userId }) => {
      const at = this.changed.get(subjectOf(userId)) ?? -Infinity;
      if (performance.now() - at < REMEMBERED_MS) void this.look(userId);
    });
  }

  /** Ends what ran before the look, so that nothing is which begins after the user has been let in again. */
  private async look(userId: string): Promise<void> {
    const replies = this.running.idsOf(userId);
    try {
      const user = await this.users.find(userId);
      if (user?.is_active) return;
      for (const id of replies) void this.running.stop(id, user ? 'locked_out' : 'conversation_deleted');
      // It would not begin, but its readers would wait for that.
      if (user) this.watch.nudge(await this.queue.cancelLockedOut());
    } catch (error) {
      this.logger.warn({ err: error }, 'It cannot be found out whether replies must end');
    }
  }
}
