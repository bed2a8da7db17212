import { Module } from '@nestjs/common';
import { Observer } from './observer';
import { observerOf } from './composite-observer';
import { ProcessIdentity } from './process-identity';
import { ReplyLines } from './reply-lines';

/** Provides the `Observer` of this process, and who it is. */
@Module({
  providers: [
    ProcessIdentity,
    ReplyLines,
    {
      provide: Observer,
      inject: [ReplyLines],
      useFactory: (...observers: Observer[]) => observerOf(observers),
    },
  ],
  exports: [Observer, ProcessIdentity],
})
export class ObservabilityModule {}
