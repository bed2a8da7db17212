import { Module } from '@nestjs/common';
import { TypeOrmModule } from '@nestjs/typeorm';
import { InstancesModule } from '../instances/instances.module';
import { SignalsModule } from '../signals/signals.module';
import { UsersModule } from '../users/users.module';
import { UserEventEntity } from './user-event.entity';
import { UserEventHeadEntity } from './user-event-head.entity';
import { UserEventRetention } from './user-event-retention';
import { UserEvents } from './user-events';
import { UserEventsErasure } from './user-events.erasure';
import { UserEventsRepository } from './user-events.repository';
import { UserEventWatcher } from './user-event-watcher';

/** Events on the data of users: written by the features that change it, in their transactions, and read by feeds (`GET /events`). */
@Module({
  imports: [
    TypeOrmModule.forFeature([UserEventEntity, UserEventHeadEntity]),
    InstancesModule,
    SignalsModule,
    UsersModule,
  ],
  providers: [UserEventsRepository, UserEvents, UserEventWatcher, UserEventRetention, UserEventsErasure],
  exports: [UserEvents],
})
export class UserEventsModule {}
