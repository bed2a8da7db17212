import { Injectable, type OnModuleInit } from '@nestjs/common';
import { UserData } from '../users/user-data';
import { columnsIn } from './message-columns';
import { MessagesService } from './messages.service';

const EXPORTED = columnsIn('export');

/** Adds a user's messages to the export of the user's data. */
@Injectable()
export class MessagesExport implements OnModuleInit {
  constructor(
    private readonly data: UserData,
    private readonly messages: MessagesService,
  ) {}

  onModuleInit(): void {
    // No `erase`: messages are erased with their conversations.
    this.data.add({ type: 'message', read: (userId) => this.read(userId) });
  }

  private async *read(userId: string): AsyncGenerator<object> {
    for await (const message of this.messages.all(userId))
      yield Object.fromEntries(EXPORTED.map((name) => [name, message[name]]));
  }
}
