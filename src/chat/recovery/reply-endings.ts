import { Injectable, Logger, type BeforeApplicationShutdown, type OnModuleInit } from '@nestjs/common';
import { AppConfig } from '../../config/app-config';
import { ConversationsService } from '../../conversations/conversations.service';
import { Draining } from '../../http/draining';
import { InstanceService } from '../../instances/instance.service';
import { RunningReplies } from '../reply/running-replies';

/** What ends a running reply from outside, besides its user: a deleted conversation, a lost lease, the end of the process. */
@Injectable()
export class ReplyEndings implements OnModuleInit, BeforeApplicationShutdown {
  private readonly logger = new Logger(ReplyEndings.name);

  constructor(
    private readonly running: RunningReplies,
    private readonly conversations: ConversationsService,
    private readonly instance: InstanceService,
    private readonly draining: Draining,
    private readonly config: AppConfig,
  ) {}

  onModuleInit(): void {
    this.conversations.deletions.subscribe(
      (id) => void this.running.stopConversation(id, 'conversation_deleted'),
    );
    this.instance.lost.subscribe(() => void this.running.stopAll('lease_lost'));
  }

  async beforeApplicationShutdown(): Promise<void> {
    const { length } = this.running.ids;
    const waiting =
      length === 1 ? '1 reply; signal again to stop it' : `${length} replies; signal again to stop them`;
    if (length) this.logger.log(`Waiting for ${waiting}`);
    await this.running.close(this.config.chat.shutdownGraceMs, this.draining.hurried);
    await this.instance.leave();
  }
}
