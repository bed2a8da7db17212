import { Injectable, type OnModuleInit } from '@nestjs/common';
import { QueueService } from '../messages/queue.service';
import { MetricsRegistry } from '../observability/metrics-registry';
import { ActiveReplies } from '../replies/produce/active-replies';

/** How many replies there are now. What happens to them is counted by `MetricsObserver`. */
@Injectable()
export class ReplyReadings implements OnModuleInit {
  constructor(
    private readonly metrics: MetricsRegistry,
    private readonly active: ActiveReplies,
    private readonly queue: QueueService,
  ) {}

  async onModuleInit(): Promise<void> {
    await this.metrics.add({
      name: 'parley_replies_running',
      help: 'Replies that this process is producing.',
      value: () => this.active.all.length,
    });
    await this.metrics.add({
      name: 'parley_replies_queued',
      help: 'Replies of all processes that wait for their turn; each process says the same.',
      value: () => this.queue.countQueued(),
    });
  }
}
