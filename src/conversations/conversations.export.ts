import { Injectable, type OnModuleInit } from '@nestjs/common';
import { UserData } from '../users/user-data';
import { ConversationsService } from './conversations.service';
import { toConversationResponse } from './dto/conversation.response';

/** A user's conversations as part of all that is kept of them. */
@Injectable()
export class ConversationsExport implements OnModuleInit {
  constructor(
    private readonly data: UserData,
    private readonly conversations: ConversationsService,
  ) {}

  onModuleInit(): void {
    this.data.add({ type: 'conversation', read: (userId) => this.read(userId) });
  }

  private async *read(userId: string): AsyncGenerator<object> {
    for await (const conversation of this.conversations.all(userId))
      yield toConversationResponse(conversation);
  }
}
