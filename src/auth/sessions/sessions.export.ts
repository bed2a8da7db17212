import { Injectable, type OnModuleInit } from '@nestjs/common';
import { inPages, UserData } from '../../users/user-data';
import { SessionsRepository } from './sessions.repository';

/** Where a user is logged in, without the tokens, as part of all that is kept of them. */
@Injectable()
export class SessionsExport implements OnModuleInit {
  constructor(
    private readonly data: UserData,
    private readonly sessions: SessionsRepository,
  ) {}

  onModuleInit(): void {
    this.data.add({
      type: 'session',
      read: (userId) => this.read(userId),
      erase: (userId, limit) => this.sessions.deleteOf(userId, limit),
      access: true,
    });
  }

  private async *read(userId: string): AsyncGenerator<object> {
    const pages = inPages((after, limit) => this.sessions.listOf(userId, after, limit));
    for await (const { created_at, expires_at } of pages) yield { created_at, expires_at };
  }
}
