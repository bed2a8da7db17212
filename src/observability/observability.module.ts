import { Module } from '@nestjs/common';
import { AppConfig } from '../config/app-config';
import { observerOf } from './composite-observer';
import { MetricsRegistry } from './metrics-registry';
import { Observer } from './observer';
import { ProcessIdentity } from './process-identity';
import { ReplyLines } from './reply-lines';
import { Traces } from './traces';

/**
 * Provides the `Observer` of this process, made of those that are on, and who the process is. What is off is not loaded.
 */
@Module({
  providers: [
    ProcessIdentity,
    ReplyLines,
    {
      provide: MetricsRegistry,
      inject: [AppConfig, ProcessIdentity],
      useFactory: ({ metrics }: AppConfig, { version }: ProcessIdentity) =>
        MetricsRegistry.of(metrics, version),
    },
    {
      provide: Traces,
      inject: [AppConfig, ProcessIdentity],
      useFactory: ({ traces }: AppConfig, identity: ProcessIdentity) => Traces.of(traces, identity),
    },
    {
      provide: Observer,
      inject: [ReplyLines, MetricsRegistry, Traces],
      useFactory: (lines: ReplyLines, metrics: MetricsRegistry, traces: Traces) =>
        observerOf([lines, metrics.observer, traces.observer].filter((each) => each !== undefined)),
    },
  ],
  exports: [MetricsRegistry, Observer, ProcessIdentity],
})
export class ObservabilityModule {}
