import { Module, type OnApplicationBootstrap } from '@nestjs/common';
import { ConversationsModule } from '../conversations/conversations.module';
import { LlmModule } from '../llm/llm.module';
import { MessagesModule } from '../messages/messages.module';
import { ObservabilityModule } from '../observability/observability.module';
import { ProvidersModule } from '../providers/providers.module';
import { Sweeper } from '../replies/lifecycle/sweeper';
import { RepliesModule } from '../replies/replies.module';
import { ContextLoader } from './context';
import { ModelResolver } from './model-resolver';
import { OnBusyPolicy } from './queue/on-busy';
import { QueuedReplyJobs } from './queue/queued-reply-jobs';
import { QueuedReplyStarter } from './queue/queued-reply-starter';
import { SlotFiller } from './queue/slot-filler';
import { TurnQueue } from './queue/turn-queue';
import { ReplyActions } from './reply-actions';
import { MeterModule } from '../usage/meter.module';
import { SendMessage } from './send-message';
import { TurnOpener } from './turn-opener';

/** The use cases of turns for every API: `ReplyActions` makes a `TurnCommand`, `SendMessage` carries it out. */
@Module({
  imports: [
    ConversationsModule,
    LlmModule,
    MessagesModule,
    MeterModule,
    ObservabilityModule,
    ProvidersModule,
    RepliesModule,
  ],
  providers: [
    ReplyActions,
    SendMessage,
    TurnOpener,
    ModelResolver,
    ContextLoader,
    OnBusyPolicy,
    TurnQueue,
    SlotFiller,
    QueuedReplyStarter,
    QueuedReplyJobs,
  ],
  exports: [ReplyActions],
})
export class TurnsModule implements OnApplicationBootstrap {
  constructor(
    private readonly sweeper: Sweeper,
    private readonly queue: TurnQueue,
  ) {}

  onApplicationBootstrap(): void {
    this.sweeper.start('queued replies', () => this.queue.sweep());
  }
}
