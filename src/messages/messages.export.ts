import { Injectable, type OnModuleInit } from '@nestjs/common';
import { UserData } from '../users/user-data';
import { MessagesService } from './messages.service';

/** A user's messages as part of all that is kept of them. */
@Injectable()
export class MessagesExport implements OnModuleInit {
  constructor(
    private readonly data: UserData,
    private readonly messages: MessagesService,
  ) {}

  onModuleInit(): void {
    // They are erased with their conversations.
    this.data.add({ type: 'message', read: (userId) => this.read(userId) });
  }

  private async *read(userId: string): AsyncGenerator<object> {
    for await (const message of this.messages.all(userId)) {
      const {
        user_id: _user,
        branch_id: _branch,
        active_child_id: _activeChild,
        reserved_tokens: _reserved,
        event_lengths: _lengths,
        ...shown
      } = message;
      yield shown;
    }
  }
}
