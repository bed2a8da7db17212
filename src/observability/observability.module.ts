import { Module } from '@nestjs/common';
import { NoopObserver, Observer } from './observer';

/** Provides the `Observer` of this process. */
@Module({ providers: [{ provide: Observer, useClass: NoopObserver }], exports: [Observer] })
export class ObservabilityModule {}
