import { Injectable, type OnModuleInit } from '@nestjs/common';
import { UserData } from '../users/user-data';
import { UserEventsRepository } from './user-events.repository';

/** A user's events as part of all that is kept of them. They say nothing that what they are of does not say in an export, and go after it. */
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
