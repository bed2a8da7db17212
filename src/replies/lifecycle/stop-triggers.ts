import { Injectable, type OnModuleInit } from '@nestjs/common';
import { ConversationsService } from '../../conversations/conversations.service';
import { InstanceService } from '../../instances/instance.service';
import { Signals } from '../../signals/signals';
import { conversationTopic } from '../../signals/topics';
import { ActiveReplies } from '../produce/active-replies';

/**
 * Stops active replies whose conversation is deleted through this process, and wakes feeds that wait for further replies; stops all
 * active replies when this process has lost its lease.
 */
@Injectable()
export class StopTriggers implements OnModuleInit {
  constructor(
    private readonly active: ActiveReplies,
    private readonly conversations: ConversationsService,
    private readonly instance: InstanceService,
    private readonly signals: Signals,
  ) {}

  onModuleInit(): void {
    this.conversations.deletions.subscribe((id) => {
      void this.active.stopConversation(id, 'conversation_deleted');
      this.signals.publish(conversationTopic(id));
    });
    this.instance.lost.subscribe(() => void this.active.stopAll('lease_lost'));
  }
}
