import { Module } from '@nestjs/common';
import { InProcessSignals } from './in-process-signals';
import { Signals } from './signals';

/** Chooses the implementation of signals. */
@Module({
  providers: [{ provide: Signals, useClass: InProcessSignals }],
  exports: [Signals],
})
export class SignalsModule {}
