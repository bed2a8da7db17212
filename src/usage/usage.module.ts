import { Module } from '@nestjs/common';
import { LlmModule } from '../llm/llm.module';
import { MeterModule } from './meter.module';
import { UsageReportService } from './usage-report.service';
import { UsageController } from './usage.controller';

/** The report of `GET /usage`. The meter behind it, and the quotas, are in `MeterModule`; `CountersModule` checks counters of stored bytes. */
@Module({
  imports: [MeterModule, LlmModule],
  controllers: [UsageController],
  providers: [UsageReportService],
})
export class UsageModule {}
