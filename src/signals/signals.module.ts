import { Module } from '@nestjs/common';
import { InProcessSignals } from './in-process-signals';
import { Signals } from './signals';

/** Chooses how processes wake each other. */
@Module({
  providers: [{ provide: Signals, useClass: InProcessSignals }],
  exports: [Signals],
})
export class SignalsModule {}
