import { Module } from '@nestjs/common';
import { AboutModule } from './about/about.module';
import { AccountsModule } from './users/accounts/accounts.module';
import { AuthModule } from './auth/auth.module';
import { ChatModule } from './chat/chat.module';
import { ConfigModule } from './config/config.module';
import { DatabaseModule } from './database/database.module';
import { SharesModule } from './shares/shares.module';
import { MailModule } from './mail/mail.module';
import { FeedbackModule } from './feedback/feedback.module';
import { SearchModule } from './search/search.module';
import { HealthModule } from './health/health.module';
import { HttpModule } from './http/http.module';
import { JobsModule } from './jobs/jobs.module';
import { LimitsModule } from './limits/limits.module';
import { MetricsModule } from './metrics/metrics.module';
import { LoggingModule } from './logging/logging.module';
import { TitlesModule } from './titles/titles.module';
import { AdminModule } from './users/admin/admin.module';
import { OperationsModule } from './operations/operations.module';
import { UsageModule } from './usage/usage.module';
import { ModelsModule } from './models/models.module';

@Module({
  imports: [
    ConfigModule,
    LoggingModule,
    HttpModule,
    DatabaseModule,
    LimitsModule,
    AuthModule,
    AccountsModule,
    HealthModule,
    AboutModule,
    ModelsModule,
    ChatModule,
    FeedbackModule,
    SearchModule,
    MailModule,
    SharesModule,
    UsageModule,
    JobsModule,
    TitlesModule,
    MetricsModule,
    OperationsModule,
    AdminModule,
  ],
})
export class AppModule {}
