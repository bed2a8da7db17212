import { Injectable, Logger, type OnModuleInit } from '@nestjs/common';
import { Revocations } from '../../users/revocations/revocations';
import { UsersService } from '../../users/users.service';
import { RunningReplies } from '../reply/running-replies';

/** Ends the replies of users who are locked out or erased, on whichever instance they run. */
@Injectable()
export class LockOuts implements OnModuleInit {
  private readonly logger = new Logger(LockOuts.name);

  constructor(
    private readonly revocations: Revocations,
    private readonly users: UsersService,
    private readonly running: RunningReplies,
  ) {}

  onModuleInit(): void {
    this.revocations.changes.subscribe((userId) => {
      for (const id of this.running.users) if (userId === undefined || userId === id) void this.look(id);
    });
  }

  private async look(userId: string): Promise<void> {
    try {
      const user = await this.users.find(userId);
      if (!user) await this.running.stopUser(userId, 'conversation_deleted');
      else if (!user.is_active) await this.running.stopUser(userId, 'locked_out');
    } catch (error) {
      this.logger.warn({ err: error }, 'It cannot be found out whether replies must end');
    }
  }
}
