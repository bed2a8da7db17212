import { Injectable, Logger, type BeforeApplicationShutdown } from '@nestjs/common';
import { AppConfig } from '../../config/app-config';
import { Draining } from '../../http/draining';
import { InstanceService } from '../../instances/instance.service';
import { ReplyLog } from '../log/reply-log';
import { ActiveReplies } from '../produce/active-replies';

/**
 * The end of the process: active replies may finish within `SHUTDOWN_GRACE_S`, or until a second signal; the rest is stopped with a
 * terminal event. Then readers of other processes' replies are ended, and the lease is released.
 */
@Injectable()
export class GracefulShutdown implements BeforeApplicationShutdown {
  private readonly logger = new Logger(GracefulShutdown.name);

  constructor(
    private readonly active: ActiveReplies,
    private readonly log: ReplyLog,
    private readonly instance: InstanceService,
    private readonly draining: Draining,
    private readonly config: AppConfig,
  ) {}

  async beforeApplicationShutdown(): Promise<void> {
    const { length } = this.active.all;
    const waiting =
      length === 1 ? '1 reply; signal again to stop it' : `${length} replies; signal again to stop them`;
    if (length) this.logger.log({ replies: length, msg: `Waiting for ${waiting}` });
    await this.active.close(this.config.chat.shutdownGraceMs, this.draining.skipGrace);
    this.log.close();
    await this.instance.leave();
  }
}
