import { Injectable, type OnModuleInit } from '@nestjs/common';
import { UserData } from '../../users/user-data';
import { SessionsRepository } from './sessions.repository';

/** Where a user is logged in, without the tokens, as part of all that is kept of them. */
@Injectable()
export class SessionsExport implements OnModuleInit {
  constructor(
    private readonly data: UserData,
    private readonly sessions: SessionsRepository,
  ) {}

  onModuleInit(): void {
    this.data.add({ type: 'session', read: (userId) => this.read(userId) });
  }

  private async *read(userId: string): AsyncGenerator<object> {
    yield* await this.sessions.listOf(userId);
  }
}
