import { Module } from '@nestjs/common';
import { HealthController, PrefixedHealthController } from './health.controller';
import { ReadinessService } from './readiness.service';

@Module({ controllers: [HealthController, PrefixedHealthController], providers: [ReadinessService] })
export class HealthModule {}
