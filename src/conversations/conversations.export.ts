import { Injectable, type OnModuleInit } from '@nestjs/common';
import { UserData } from '../users/user-data';
import { ConversationRemoval } from './conversation-removal';
import { ConversationsService } from './conversations.service';
import { toConversationResponse } from './dto/conversation.response';

/** Adds a user's conversations to the export of the user's data, and conversations with their contents to its erasure. */
@Injectable()
export class ConversationsExport implements OnModuleInit {
  constructor(
    private readonly data: UserData,
    private readonly conversations: ConversationsService,
    private readonly removal: ConversationRemoval,
  ) {}

  onModuleInit(): void {
    this.data.add({
      type: 'conversation',
      read: (userId) => this.read(userId),
      erase: (userId, limit) => this.removal.erase(userId, limit),
    });
  }

  private async *read(userId: string): AsyncGenerator<object> {
    for await (const conversation of this.conversations.all(userId))
      yield toConversationResponse(conversation);
  }
}
