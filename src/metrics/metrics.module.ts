import { Module } from '@nestjs/common';
import { MessagesModule } from '../messages/messages.module';
import { ObservabilityModule } from '../observability/observability.module';
import { RepliesModule } from '../replies/replies.module';
import { MetricsController } from './metrics.controller';
import { MetricsPort } from './metrics-port';
import { DatabaseReadings } from './database-readings';
import { ReplyReadings } from './reply-readings';

/** How metrics are had: `GET /metrics`, with a token or on a port of its own. They are counted in `observability/`. */
@Module({
  imports: [MessagesModule, ObservabilityModule, RepliesModule],
  controllers: [MetricsController],
  providers: [MetricsPort, DatabaseReadings, ReplyReadings],
})
export class MetricsModule {}
