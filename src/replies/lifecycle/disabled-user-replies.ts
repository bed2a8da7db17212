import { Injectable, Logger, type OnModuleInit } from '@nestjs/common';
import { BoundedMap } from '../../http/bounded-map';
import { QueueService } from '../../messages/queue.service';
import { UserChangeFeed } from '../../users/revocations/user-change-feed';
import { subjectOf } from '../../users/revocations/subject';
import { UsersService } from '../../users/users.service';
import { QueuedReplyWatcher } from '../read/queued-reply-watcher';
import { ActiveReplies } from '../produce/active-replies';

/** No request that was let in before a change takes longer to begin its reply. */
const REMEMBERED_MS = 60_000;
const REMEMBERED = 10_000;

/** Ends the replies of users who are locked out or erased, on whichever instance they run or wait. */
@Injectable()
export class DisabledUserReplies implements OnModuleInit {
  private readonly logger = new Logger(DisabledUserReplies.name);
  /** When something of a user changed: whoever was let in before may be about to begin a reply. */
  private readonly changed = new BoundedMap<string, number>(REMEMBERED);

  constructor(
    private readonly revocations: UserChangeFeed,
    private readonly users: UsersService,
    private readonly running: ActiveReplies,
    private readonly queue: QueueService,
    private readonly watch: QueuedReplyWatcher,
  ) {}

  onModuleInit(): void {
    this.revocations.changes.subscribe((subject) => {
      const users = [...this.running.users];
      const concerned = subject === undefined ? users : users.filter((id) => subjectOf(id) === subject);
      if (subject !== undefined) this.changed.set(subject, performance.now());
      for (const id of concerned) void this.check(id);
    });
    this.running.started.subscribe(({ userId }) => {
      const at = this.changed.get(subjectOf(userId)) ?? -Infinity;
      if (performance.now() - at < REMEMBERED_MS) void this.check(userId);
    });
  }

  /** Ends what ran before the look, so that nothing is which begins after the user has been let in again. */
  private async check(userId: string): Promise<void> {
    const replies = this.running.idsOf(userId);
    try {
      const user = await this.users.find(userId);
      if (user?.is_active) return;
      for (const id of replies) void this.running.stop(id, user ? 'locked_out' : 'conversation_deleted');
      // It would not begin, but its readers would wait for that.
      if (user) this.watch.wake(await this.queue.cancelLockedOut());
    } catch (error) {
      this.logger.warn({ err: error }, 'It cannot be found out whether replies must end');
    }
  }
}
