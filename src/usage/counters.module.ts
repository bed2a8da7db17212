import { Module } from '@nestjs/common';
import { Counters } from './counters';
import { CountersRepository } from './counters.repository';

/** Check of counters as a module of its own, so that the command line needs no other module of the service. */
@Module({ providers: [Counters, CountersRepository], exports: [Counters] })
export class CountersModule {}
