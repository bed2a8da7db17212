import { Module } from '@nestjs/common';
import { Counters } from './counters';
import { CountersRepository } from './counters.repository';

/** By itself, so that the command line needs nothing of the service around it. */
@Module({ providers: [Counters, CountersRepository], exports: [Counters] })
export class CountersModule {}
