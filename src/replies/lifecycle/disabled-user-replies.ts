import { Injectable, type OnModuleInit } from '@nestjs/common';
import { RetryingChecks } from '../../common/retrying-checks';
import { IDENTITY_BOUNDS, REPLY_BOUNDS } from '../../config/bounds';
import { BoundedMap } from '../../http/bounded-map';
import { QueueService } from '../../messages/queue.service';
import { UserChangeFeed } from '../../users/revocations/user-change-feed';
import { subjectOf } from '../../users/revocations/subject';
import { UsersService } from '../../users/users.service';
import { OpenReplyWatcher } from '../read/open-reply-watcher';
import { ActiveReplies } from '../produce/active-replies';

/** Longest time from the admission of a request to the start of its reply; older changes are ignored. */
const CHANGE_RETENTION_MS = 60_000;

/** Ends the replies of users who are locked out or erased, on whichever instance they are active or queued. */
@Injectable()
export class DisabledUserReplies implements OnModuleInit {
  /** Time of the last change by user subject (`performance.now()`): a request admitted before it may be about to start a reply. */
  private readonly changed = new BoundedMap<string, number>(REPLY_BOUNDS.changesOfUsers.limit);
  /** Time of the last change of any user: if that is long ago, no subject has to be computed. */
  private lastChangeAt = -Infinity;

  private readonly checks = new RetryingChecks<string>({
    failure: 'It cannot be found out whether replies must end; asked again',
    atOnce: IDENTITY_BOUNDS.identityLookUps.limit,
    check: (userId) => this.check(userId),
    isWanted: (userId) => this.active.of(userId).length > 0,
  });

  constructor(
    private readonly userChanges: UserChangeFeed,
    private readonly users: UsersService,
    private readonly active: ActiveReplies,
    private readonly queue: QueueService,
    private readonly watcher: OpenReplyWatcher,
  ) {}

  onModuleInit(): void {
    this.userChanges.subscribe((subject) => {
      const users = [...this.active.users];
      const affected = subject === undefined ? users : users.filter((id) => subjectOf(id) === subject);
      if (subject !== undefined) {
        this.lastChangeAt = performance.now();
        this.changed.set(subject, this.lastChangeAt);
      }
      for (const id of affected) this.checks.enqueue(id);
    });
    this.active.started$.subscribe(({ userId }) => {
      const cutoff = performance.now() - CHANGE_RETENTION_MS;
      if (this.lastChangeAt < cutoff) return;
      if ((this.changed.get(subjectOf(userId)) ?? -Infinity) > cutoff) this.checks.enqueue(userId);
    });
  }

  /** Stops only replies that were active before the query, not one that starts after the user has been enabled again. */
  private async check(userId: string): Promise<void> {
    const replies = this.active.of(userId);
    const user = await this.users.find(userId);
    if (user?.is_active) return;
    for (const reply of replies) void this.active.stop(reply, user ? 'locked_out' : 'conversation_deleted');
    // Queued replies would not start, but their readers would keep waiting.
    if (user) this.watcher.wake(await this.queue.cancelLockedOut());
  }
}
