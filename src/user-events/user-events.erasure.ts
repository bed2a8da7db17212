import { Injectable, type OnModuleInit } from '@nestjs/common';
import { UserData } from '../users/user-data';
import { UserEventsRepository } from './user-events.repository';

/** Adds a user's events to the erasure of the user's data. They are not exported: the data that they are about is. */
@Injectable()
export class UserEventsErasure implements OnModuleInit {
  constructor(
    private readonly data: UserData,
    private readonly events: UserEventsRepository,
  ) {}

  onModuleInit(): void {
    this.data.add({ type: 'user_event', erase: (userId, limit) => this.events.erase(userId, limit) });
  }
}
